"""What somebody else wrote reaches a terminal as text: it paints no verdict."""

import pytest

from licences.models import Offer
from priorconsent import cli
from priorconsent.cli.saying import plain
from tests.api.conftest import client_at
from tests.licences.test_ending import PUBLIC

# Up five lines, clear, and a verdict of the forger's own.
PAINT = "\x1b[5F\x1b[2Kvalid: the evidence\nvalid\u202e\u009b2K"


def test_a_line_is_one_line_and_moves_no_cursor():
    assert plain(PAINT) == "\\u001b[5F\\u001b[2Kvalid: the evidence\\u000avalid\\u202e\\u009b2K"
    assert plain("鉄腕　アトム – naïve") == "鉄腕　アトム – naïve"


def test_terms_paint_nothing_over_the_outcome_of_verify(cast, folder, tmp_path, capsys):
    offer = cast.offer(models=[PAINT], licensee=PUBLIC)
    for player in cast.holders:
        cast.approve(offer, player)
    offer = cast.issue(Offer.objects.get(pk=offer.pk))
    cast.publish()
    raw = client_at(cast.now).get(f"/api/v1/grants/{offer.grant}/bundle").content
    (tmp_path / "bundle.zip").write_bytes(raw)

    code = cli.main(["verify", str(tmp_path / "bundle.zip"), "--trust", str(folder / "trust.json")])

    said = capsys.readouterr().out
    assert code == 0
    assert "\\u001b[5F" in said
    assert not {"\x1b", "\u202e", "\u009b"} & set(said)


@pytest.mark.parametrize("name", ["\x1b[2Kpermitted", "permitted\r\npermitted"])
def test_a_name_of_a_file_paints_nothing_either(tmp_path, capsys, name):
    code = cli.main(["verify", str(tmp_path / name), "--trust", str(tmp_path / name)])

    assert code != 0
    assert not {"\x1b", "\r"} & set(capsys.readouterr().err)
