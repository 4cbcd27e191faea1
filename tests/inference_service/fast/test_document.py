from tests.inference_service.fast.document import COMMAND, PAGE, page
from tests.inference_service.fast.tables import CASES


def test_the_page_tells_what_the_tests_check() -> None:
    assert PAGE.read_text() == page(), f"write it anew: {COMMAND}"
    assert page().count("; ") > len(CASES) / 2
