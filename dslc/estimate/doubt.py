"""A run that is much faster than its forecast: the speeds that this came from were taken on a busy machine."""

from dataclasses import replace

from dslc.errors.base import Failed
from dslc.estimate.forecast import forecast
from dslc.estimate.speeds import file_of, keep, read
from dslc.lazy import jax
from dslc.plan import Plan

FAR = 2.0
"""How many times too long a forecast is that speaks against the speeds, and not against the model of the time."""


def doubt(plan: Plan, seconds: float) -> bool:
    """Have the speeds measured again by the next who asks for them, where a step takes far less than they say.

    A step that takes longer says nothing: the machine may have had other work during the run.
    """
    device = jax.devices()[0]
    file = file_of(f"{device.platform} {device.device_kind}")
    found = read(file) if file else None
    if file is None or found is None or found.busy:
        return False
    try:
        said = forecast(plan, "", (), found).step
    except Failed:
        return False
    if said is None or said < FAR * seconds:
        return False
    keep(file, replace(found, busy=True))
    return True
