from loadscope.datasets.selection import selected
from loadscope.datasets.task import Answer


def test_answers_take_their_places_and_others_are_passed_over():
    answers = [Answer(7, b"a"), Answer(2, b"b"), Answer(5, b"c"), Answer(2, b"d")]
    assert list(selected(answers, [2, 7])) == [Answer(1, b"a"), Answer(0, b"b"), Answer(0, b"d")]
