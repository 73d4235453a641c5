"""The privileged helper: the one part of edgepind that has rights, and no network.

systemd starts it as root for each connection to `apply.sock`; it takes one small request, answers
with one line and ends. The client is not believed: every request is read strictly, document, unit
and budgets are named by the settings file that only root writes, and what was done before is
recorded in a folder that only root reads. Nothing here may import HTTP, TLS, jq or what reads a
server's certificates.
"""
