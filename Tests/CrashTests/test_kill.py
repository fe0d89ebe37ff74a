"""SIGKILL under load: what was confirmed is there, what was not is there wholly or not at all, and nothing needs repair."""
import random
import time


def test_killed_at_random_moments(directory, crew, seed, request):
    chance = random.Random(seed)
    rounds = request.config.getoption("--rounds")
    total = 0
    directory.start()
    for number in range(rounds):
        crew.start(directory.url, seed * 1000 + number)
        crew.warm(chance.choice([1, 50, 150]))
        time.sleep(0.2 * chance.random())
        directory.kill()
        crew.wait()
        if number % 3 == 2:
            checked = directory.check()
            assert b"no differences" in checked.stdout, checked.stdout.decode()
        directory.start()
        crew.verify(directory.url)
        total += crew.answered()
    assert b"no differences" in directory.check().stdout
    assert directory.stop() == 0
    assert total > 20 * rounds, f"only {total} changes in {rounds} rounds: the test shows nothing"


def test_killed_while_it_starts(directory, crew, seed):
    chance = random.Random(seed + 1)
    directory.start()
    crew.start(directory.url, seed, seconds=600)
    crew.warm()
    directory.kill()
    crew.wait()
    for _ in range(3):
        directory.spawn()
        time.sleep(chance.random() * 0.4)
        directory.kill()
    directory.start()
    crew.verify(directory.url)
    assert b"no differences" in directory.check().stdout
