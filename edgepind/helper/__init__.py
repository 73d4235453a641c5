"""The privileged helper: the one part of edgepind that has rights, and has no network.

systemd starts it as root for each connection to `apply.sock`; it takes one small request, answers
with one line and ends. Whoever asks is not believed: every request is read strictly, which
document, unit and budgets are meant stands in the settings file that only root writes, and what
was done before stands in a folder that only root reads. Nothing here may import HTTP, TLS, jq or
whatever reads a stranger's certificates.
"""
