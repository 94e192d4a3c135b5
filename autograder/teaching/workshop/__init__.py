"""A room of learners: JupyterHub, a live board, marks at once, and answers when the instructor releases them.

`run` is the command. `hub_config`, `joining`, `accounts` and `rooms` are JupyterHub's side: who gets in, and what each
learner's server can see. `board` is the web service, with `store` (what is kept), `grid` (what is shown), `pages`,
`tokens`, `queue` and `judging` (marks at once). `catching` keeps answers that were given away from earning points.
"""
