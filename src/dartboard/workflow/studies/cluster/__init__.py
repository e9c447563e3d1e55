"""The trials of a study on many hosts: on a Ray cluster, or by a job script for Slurm."""

from collections.abc import Callable

from dartboard.errors import SettingsError, suggest

__all__ = ["CLUSTERS", "cluster_named"]

CLUSTERS = ("ray", "slurm")


def cluster_named(name: str) -> Callable[..., None]:
    """What makes the trials of a study on a cluster; called with state, job, telling and number of workers.

    Args:
        name: "ray", "ray:ADDRESS" or "slurm".

    Raises:
        SettingsError: there is no such cluster, or what it needs is not installed.
    """
    kind, colon, address = name.partition(":")
    if kind == "ray":
        from dartboard.workflow.studies.cluster.ray import run_on_ray

        return run_on_ray(address or None)
    if kind == "slurm" and not colon:
        from dartboard.workflow.studies.cluster.slurm import write_slurm_script

        return write_slurm_script
    raise SettingsError(f"there is no cluster '{name}'; {suggest(kind, CLUSTERS)}")
