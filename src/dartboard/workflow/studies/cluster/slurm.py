"""A job script for Slurm: an array of workers on one study, each of which takes what nobody else works on."""

import os
import shlex
import sys
from pathlib import Path

from dartboard.runs import write_text
from dartboard.wording import count
from dartboard.workflow.studies.shares import TRIAL_BYTES
from dartboard.workflow.studies.state import StudyState
from dartboard.workflow.studies.telling import Telling
from dartboard.workflow.studies.worker import AFRESH, STATE_VARIABLE, Job

__all__ = ["SCRIPT", "write_slurm_script"]

SCRIPT = "slurm.sh"
"""Name of the job script in the directory of a study."""

_MOST_WORKERS = 32
_MIB = 2**20

_TEXT = """\
#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --array=0-{last}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={threads}
#SBATCH --mem={memory}M
#SBATCH --output={logs}/slurm-%A-%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=TERM@120
# Options for sbatch, such as --partition, --time or --gres=gpu:1, can be given to it, or written here.
#
# Each task of the array takes the trials that nobody works on, one after the other, until none is left. A task that is
# ended gives its trial back, which another task, or the next submission, goes on with.
{state}
export OMP_NUM_THREADS={threads} MKL_NUM_THREADS={threads} OPENBLAS_NUM_THREADS={threads}
echo "worker ${{SLURM_ARRAY_TASK_ID:-0}} on $(hostname)"
while true; do
    srun {command}
    code=$?
    # {afresh}: a fault may have left the process in disorder, so a new one goes on.
    [ "$code" -eq {afresh} ] || exit "$code"
done
"""


def write_slurm_script(state: StudyState, job: Job, told: Telling, workers: int | None) -> None:
    """Write the job script, and tell how to submit it; nothing is submitted.

    Args:
        state: state of the study.
        job: what each worker must know.
        told: is told.
        workers: number of tasks of the array; None for one for each trial, but at most 32.
    """
    missing = sum(not each.has_ended for each in told.known)
    number = min(missing, workers or _MOST_WORKERS)
    path = job.folder / SCRIPT
    (job.folder / "logs").mkdir(exist_ok=True)
    write_text(path, _script(job, number, has_password=state.database.url.password is not None))
    path.chmod(0o755)
    told.observer.note(
        f"sbatch {shlex.quote(str(path))} submits {count(number, 'worker')} for {count(missing, 'trial')}, "
        f"{count(job.threads, 'thread')} each; the same command as now, typed once they have ended, makes the tables."
    )
    if state.database.is_file:
        told.observer.note(
            f"The state of the study is the file {state.database.place}: on several hosts that is safe only where the "
            "locks of their shared folder work; a PostgreSQL database (--state postgresql://USER@HOST/NAME) is safe."
        )
    if state.database.url.password is not None:
        told.observer.note(
            f"The script does not hold the password of the database: set {STATE_VARIABLE} when you submit it, or keep "
            "the password in ~/.pgpass."
        )


def _script(job: Job, number: int, *, has_password: bool) -> str:
    command = shlex.join([sys.executable, "-m", Job.__module__, *job.arguments(), "--shared"])
    state = ""
    if has_password:
        state = f"# The database has a password: set {STATE_VARIABLE} to its whole URL, or keep it in ~/.pgpass."
    paths = os.environ.get("PYTHONPATH")
    if paths:
        state += f"\nexport PYTHONPATH={shlex.quote(paths)}"
    return _TEXT.format(
        name=_job_name(job.folder),
        last=number - 1,
        threads=job.threads,
        memory=TRIAL_BYTES // _MIB,
        logs=job.folder / "logs",
        state=state.strip(),
        command=command,
        afresh=AFRESH,
    )


def _job_name(folder: Path) -> str:
    """A name of a job, which has no spaces."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in f"dartboard-{folder.name}")
