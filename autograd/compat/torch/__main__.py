"""`python -m autograd.compat.torch script.py`: run a PyTorch program on NumPy."""

from __future__ import annotations

import sys

from ._install import main

sys.exit(main())
