"""What runs beside the mail servers, in their pods, from the operator's image.

`python -m mailstack_probe` is the probe. The other programs are modules: `python -m mailstack_probe.certificates`,
`python -m mailstack_probe.rehearsal`.
Only the standard library, and nothing of mailstack_operator: it must start at once and stay small.
"""
