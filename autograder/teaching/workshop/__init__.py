"""A room of learners: JupyterHub, a live board, marks at once, and answers when the instructor releases them.

`run` is the command. `hub_config`, `hub_login`, `joining`, `accounts` and `bubblewrap` are JupyterHub's side: who gets in,
and what each learner's server can see. `board` is the web service, with `store` (what is kept), `grid` (what is shown),
`pages`, `tokens`, `fair_queue` and `judge_process` (marks at once). A change here can leave a room waiting; marks that
matter are made again by `autograder grade`.
"""
