PYTHON ?= python3
BIN := .venv/bin
DATA ?=
RUN_OPTIONS ?=
MINUTES ?= 25

.PHONY: help install run test test-all check docs format benchmark-budgets benchmark-unseen benchmark-sharing benchmark-short-searches benchmark-short-rates benchmark-short-trainings benchmark-ingredients benchmark-depth-gap benchmark-law benchmark-inherited benchmark-streaming benchmark-engine benchmark-training benchmark-profile benchmark-scaling benchmark-accelerator benchmark-methods benchmark-collapse benchmark-long-searches benchmark-table-search benchmark-s2 benchmark-worth benchmark-proxies clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

install: .venv/.installed ## create .venv and install dartboard with its development tools

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "dartboard needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Name another with: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

run: install ## search, retrain, test and report on the embedded digits (or DATA=...)
	$(BIN)/dartboard run $(DATA) $(RUN_OPTIONS)

test: install ## run the tests (the slow ones excepted)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m 'not slow'

test-all: install ## run every test, the slow ones included
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: install ## lint, format check and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: install ## write the pages of the search methods and spaces
	$(BIN)/python docs/generate.py

format: install ## format the code and apply safe lint fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

benchmark-budgets: install ## what 2, 10 and 30 minutes buy on digits, flowers5 and CIFAR-10, beside a network by hand (takes twice their sum, 4 h 12 min)
	$(BIN)/python benchmarks/budgets.py

benchmark-unseen: install ## what 10 minutes buy on data sets unlike those that networks are tuned on (needs fashion and CIFAR-10; 60 min)
	$(BIN)/python benchmarks/unseen.py add-fashion runs/unseen --measure 10m
	$(BIN)/python benchmarks/unseen.py cifar-tile runs/unseen --measure 10m
	$(BIN)/python benchmarks/unseen.py language runs/unseen --measure 10m

benchmark-engine: install ## a search step by engine: time, operations, memory
	$(BIN)/python benchmarks/engine.py

benchmark-training: install ## a training step of a discrete network: ours, torch's own kernels, torch.compile
	$(BIN)/python benchmarks/training.py --compile
	$(BIN)/python benchmarks/training.py --network conv-stages-by-hand

benchmark-profile: install ## where the time of a search step goes (needs CIFAR-10)
	$(BIN)/python benchmarks/profile_epoch.py

benchmark-methods: install ## what a search step costs by method, beside what theory says
	$(BIN)/python benchmarks/methods.py

benchmark-collapse: install ## which methods end with skip connections, and what their cells are worth (needs CIFAR-10 and the table)
	$(BIN)/python benchmarks/collapse.py

benchmark-long-searches: install ## whole searches of 50 epochs, looked up after every epoch; goes on where it stopped (needs CIFAR-10 and both tables; hours a search)
	$(BIN)/python benchmarks/long_searches.py

benchmark-table-search: install ## twelve methods beside their published figures in NAS-Bench-201; goes on where it stopped (needs CIFAR-10, both tables and published figures; days)
	$(BIN)/python benchmarks/table_search.py

benchmark-s2: install ## skip connections against convolutions: what alpha chooses and what perturbation chooses (needs CIFAR-10)
	$(BIN)/python benchmarks/s2.py

benchmark-streaming: install ## how long a step waits for images on disk
	$(BIN)/python benchmarks/streaming.py

benchmark-sharing: install ## what threads that spin while they wait cost and save, alone and beside another program
	$(BIN)/python benchmarks/sharing.py

benchmark-short-searches: install ## what rates a search of a few hundred steps should have (needs CIFAR-10 and the table)
	$(BIN)/python benchmarks/short_searches.py

benchmark-short-rates: install ## what rate of alpha each method should have in short searches (needs CIFAR-10 and both tables)
	$(BIN)/python benchmarks/short_rates.py

benchmark-short-trainings: install ## width, passes, rates and augmentation of trainings of minutes (needs CIFAR-10 and flowers5)
	$(BIN)/python benchmarks/short_trainings.py

benchmark-depth-gap: install ## whether shallow networks of cells are in the order of deep ones (needs CIFAR-10)
	$(BIN)/python benchmarks/depth_gap.py

benchmark-law: install ## how accuracy depends on width and passes, fitted (needs CIFAR-10, fashion, emotions, flowers5)
	$(BIN)/python benchmarks/law.py

benchmark-ingredients: install ## what each ingredient of the short recipe is worth (needs CIFAR-10 and emotions)
	$(BIN)/python benchmarks/ingredients.py

benchmark-proxies: install ## rank correlation of zero-cost proxies with both tables of NAS-Bench-201, beside size (needs CIFAR-10 and the tables)
	$(BIN)/python benchmarks/proxies.py

benchmark-worth: install ## what a search is worth beside random networks, the best of several, and one by hand (needs the four data sets; 2 h on 2 cores)
	$(BIN)/python benchmarks/worth.py

benchmark-inherited: install ## what a training gains from the weights of the search (needs CIFAR-10 and emotions)
	$(BIN)/python benchmarks/inherited.py

benchmark-scaling: install ## time and memory of a search step by size, beside the formula
	$(BIN)/python benchmarks/scaling.py

benchmark-accelerator: install ## what is still to be measured on this accelerator, as far as MINUTES (25) go
	$(BIN)/python benchmarks/accelerator.py --minutes $(MINUTES)

clean: ## remove the environment and caches (runs are kept)
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
