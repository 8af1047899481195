"""What a page is made of, and what makes it unusable."""

import pytest

from monitoring.runbooks.library import BadRunbook, answered_twice, answering, fill, handbook, parse, relink

PAGE = """# It broke

Rules: `too-slow`, `too-late`

## Meaning

At {{ disk.used }}.

## Impact

Some.

## Diagnosis

1. Look at
   the disk.

   ```sh
   # a comment
   df -h
   ```

2. Read [the other](other.md) and [the admin](/admin/).

## Mitigation

1. Mend it.
"""


def test_a_page_gives_its_title_rules_steps_commands_links_and_figures() -> None:
    page = parse("broke", PAGE)
    assert (page.title, page.rules) == ("It broke", ("too-slow", "too-late"))
    assert page.steps == ("Look at the disk", "Read the other and the admin", "Mend it")
    assert page.commands == ("df -h",)
    assert page.links == ("other.md", "/admin/")
    assert page.figures == {"disk.used"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (PAGE.replace("# It broke\n", "", 1), "no title"),
        (PAGE.replace("## Impact\n", ""), "needs the sections"),
        (PAGE.replace("## Impact", "## Effect"), "needs the sections"),
        (PAGE + "\n## Appendix\n\nMore.\n", "needs the sections"),
        (PAGE.replace("Some.\n", ""), "nothing under Impact"),
    ],
)
def test_a_page_without_what_is_needed_at_night_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadRunbook, match=says):
        parse("broke", text)


def test_a_page_of_the_rules_own_name_wins_over_one_that_lists_it() -> None:
    general, own = parse("broke", PAGE), parse("too-slow", PAGE.replace("Rules: `too-slow`, `too-late`", ""))
    assert answering("too-slow", [general, own]) is own
    assert answering("too-late", [general, own]) is general
    assert answering("unheard-of", [general, own]) is None
    assert answered_twice([general, own]) == {"too-slow"}


def test_a_figure_that_nobody_could_read_says_so_and_the_rest_stands() -> None:
    assert fill("a {{ one.x }} b {{ two }}", {"two": "2"}) == "a unknown b 2"


def test_only_links_to_other_runbooks_are_turned() -> None:
    turned = relink("[a](other.md) [b](/admin/) [c](https://example.org/x.md)", lambda name: f"/r/{name}/")
    assert turned == "[a](/r/other/) [b](/admin/) [c](https://example.org/x.md)"


def test_the_handbook_nests_headings_but_leaves_comments_of_commands_alone() -> None:
    book = handbook([parse("broke", PAGE)])
    assert "\n## It broke\n" in book
    assert "\n### Meaning\n" in book
    assert "\n   # a comment\n" in book
    assert "(#other)" in book
    assert "{{" not in book
    assert "At *(live)*." in book
