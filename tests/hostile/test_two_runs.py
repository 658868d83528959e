"""Two commands in one folder at once: what is there in the end is of one of them, or tells that it is not."""

import time

import pytest

pytestmark = pytest.mark.hostile

PARAMETERS = """
fetch: {{dataset: digits}}
preprocess: {{method: {method}}}
split: {{random_state: {seed}}}
train: {{hidden_layer_sizes: [16], max_iter: 2, batch_size: 300, n_threads: 1, random_state: {seed}}}
evaluate: {{pictures: false}}
"""


def prepare(place):
    """Write two files of parameters, which differ in every stage but the first."""
    place.write("0.yaml", PARAMETERS.format(method="unit", seed=1))
    place.write("1.yaml", PARAMETERS.format(method="standard", seed=2))


def words(number):
    """Return the command of one of them."""
    return ("run", "--params", f"{number}.yaml")


def test_two_runs_never_mix(commands, places, contents, draw, scaled, failures):
    """The model of one never stands beside the evaluation of the other; a run that is refused says who is at work."""
    alone = []
    for number in range(2):
        place = places(f"alone-{number}")
        prepare(place)
        commands.run(place, *words(number)).check(0)
        alone.append(contents(place.work / "artifacts"))
    refused = 0
    for attempt in range(scaled(8)):
        place = places(attempt)
        prepare(place)
        pause = draw.uniform(0, 1)
        with failures.of(pause):
            first = commands.start(place, *words(0))
            time.sleep(pause)
            second = commands.start(place, *words(1))
            ended = [commands.wait(place, one) for one in (first, second)]
            found = contents(place.work / "artifacts")
            assert found in alone, sorted(found)
            assert 0 in [one.code for one in ended]
            for done in ended:
                if done.code:
                    refused += 1
                    assert "in use" in done.refused(1) or "another" in done.refused(1)
    assert refused, "no two were at work at once"
