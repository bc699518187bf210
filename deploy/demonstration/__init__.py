"""The invented programme that deploy/demo loads: what happened and on which days, and how it is told
to the API. `programme.py` is where to begin."""
