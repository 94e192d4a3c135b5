"""Serves the board: `python -m autograder.teaching.workshop.board_server`, started by `autograder.teaching.workshop.board_restarter`."""

import json
import os
from urllib.parse import urlsplit

import uvicorn

from autograder.teaching.workshop.board import Board
from autograder.teaching.workshop.board_restarter import end_with_stdin, wait_for_turn
from autograder.teaching.workshop.hub_login import HubDoor
from autograder.teaching.workshop.web import application
from course.notebooks.lesson import lessons


def main():
    """Serve, as the Hub's environment says, until the one who started this is gone."""
    lessons()
    wait_for_turn()
    end_with_stdin()
    told = os.environ
    prefix, address = told["JUPYTERHUB_SERVICE_PREFIX"], urlsplit(told["JUPYTERHUB_SERVICE_URL"])
    settings = json.loads(told["WORKSHOP_BOARD"])
    board = Board(**settings)
    app = application(board, told["WORKSHOP_SECRET"], told["WORKSHOP_INSTRUCTOR"], HubDoor(prefix), prefix)
    # Pages that watch hold their connection for ever; an end must not wait for them.
    uvicorn.run(
        app,
        host=address.hostname,
        port=address.port,
        log_level="warning",
        timeout_graceful_shutdown=1,
        access_log=False,
    )


if __name__ == "__main__":
    main()
