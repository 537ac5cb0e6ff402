"""common/training/schedule.py against values worked out by hand."""
import pytest

from common.training.schedule import cosine, step


@pytest.mark.parametrize("schedule, values", [
    (step, {0: 1, 0.4999: 1, 0.5: 0.1, 0.7499: 0.1, 0.75: 0.01, 1: 0.01}),
    (lambda p: step(p, drops=(0.2,), factor=0.5), {0.1: 1, 0.2: 0.5, 1: 0.5}),
    (lambda p: step(p, drops=()), {0: 1, 1: 1}),
    (cosine, {0: 0, 0.05: 0.5, 0.1: 1, 0.4: 0.75, 0.55: 0.5, 0.7: 0.25, 1: 0}),
    (lambda p: cosine(p, warm_up=0), {0: 1, 1 / 3: 0.75, 0.5: 0.5, 1: 0}),
    (lambda p: cosine(p, warm_up=0.5, final=0.2), {0: 0, 0.25: 0.5, 0.5: 1, 0.75: 0.6, 1: 0.2}),
])
def test_values(schedule, values):
    assert [schedule(progress) for progress in values] == pytest.approx(list(values.values()))
    assert all(type(schedule(progress)) in (float, int) for progress in values)     # float32 parameters stay float32
