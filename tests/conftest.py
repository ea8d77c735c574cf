"""What holds for every test: drawn examples are the same each time, and a busy machine's slowness is no failure.

`pytest --hypothesis-profile explore` draws others.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", _patient, derandomize=True)
settings.register_profile("explore", _patient)
settings.load_profile("steady")
