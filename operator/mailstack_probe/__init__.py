"""The programs that run beside the mail servers, in their pods, from the operator's image.

`python -m mailstack_probe` is the probe. The other programs are modules: `python -m mailstack_probe.certificates`,
`python -m mailstack_probe.rehearsal`.
It needs the standard library only, and nothing of mailstack_operator, so that it starts fast and stays small.
"""
