# transformer-labs in a container. docs/instructor/where_it_runs.md says how each target is used.
#
#   docker build --target learner -t transformer-labs .          JupyterLab on the labs; no answers inside
#   docker build --target grader  -t transformer-labs-grader .   the grader, and a worker of a Dask cluster: yours alone
#   docker build --target develop -t transformer-labs-develop .  what .devcontainer/ uses

FROM python:3.11-slim-bookworm AS base
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 TF_CPP_MIN_LOG_LEVEL=3 COURSE_DATA=/srv/data
# The name and number that JupyterHub on Kubernetes expects; nobody needs to be root here.
RUN useradd --create-home --uid 1000 jovyan && install -d -o jovyan -g jovyan /srv/data /srv/course

FROM base AS packages
WORKDIR /srv/course
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY course ./course
# jupyterhub brings jupyterhub-singleuser, which a hub starts here; alone the image does without.
RUN pip install -c constraints.txt . jupyterhub

FROM packages AS learner
COPY --chown=jovyan:jovyan labs /srv/labs
USER 1000
# Data sets are prepared once here and not by forty people at once.
RUN python -c "from course.data import load; from course.data.registry import data_sets; [load(name) for name in data_sets()]"
WORKDIR /home/jovyan
# A volume over the home folder, as hubs mount one, starts out empty: labs are put there when it starts.
COPY --chmod=755 deploy/start.sh /usr/local/bin/start-labs
EXPOSE 8888
CMD ["start-labs", "jupyter", "lab", "--ip=0.0.0.0", "--port=8888", "--no-browser", "--ServerApp.root_dir=/home/jovyan"]

FROM packages AS grader
COPY --chown=jovyan:jovyan . /srv/course
RUN pip install -c constraints.txt -e '.[instructor,cluster,slides]'
USER 1000
WORKDIR /home/jovyan
CMD ["autograder", "doctor"]

FROM base AS develop
# Debian keeps one version of a package, so a pinned one is gone after the next update of it.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/*
USER 1000
WORKDIR /workspaces/transformer-labs
CMD ["sleep", "infinity"]
