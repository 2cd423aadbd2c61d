"""Cosignatures and quorums as the published vectors have them, for whoever writes a second verifier."""

import json

import pytest

from priorconsent import times
from priorconsent.errors import PriorConsentError
from priorconsent.log import note
from priorconsent.log.cosignature import Cosigner, timestamp
from priorconsent.log.opening import open_checkpoint
from priorconsent.log.policy import Policy
from tests import quorum_vectors

VECTORS = json.loads(quorum_vectors.PATH.read_text(encoding="utf-8"))

# C2SP tlog-cosignature shows this checkpoint, and no keys for it.
PUBLISHED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)


def named(case):
    return case["name"].replace(" ", "_")


@pytest.mark.parametrize("case", VECTORS["cases"], ids=named)
def test_a_quorum_is_met_when_the_vector_says(case):
    policy = Policy.parse(case["policy"])
    if "error" in case:
        with pytest.raises(PriorConsentError) as found:
            open_checkpoint(case["checkpoint"].encode(), policy)
        assert found.value.code == case["error"]
    else:
        opened = open_checkpoint(case["checkpoint"].encode(), policy)
        assert (opened.quorum_time, list(opened.vouched)) == (case["quorum_time"], case["vouched"])


@pytest.mark.parametrize("one", VECTORS["cosignatures"], ids=lambda one: one["by"])
def test_a_cosignature_verifies_and_tells_the_time_of_the_vector(one):
    cosigner = Cosigner.parse(VECTORS["keys"][one["by"]])
    line = note.SignatureLine.parse(one["line"].removesuffix("\n"))
    assert (line.name, line.key_id) == (cosigner.name, cosigner.key_id)
    cosigner.verify(one["checkpoint"], line.signature)
    assert timestamp(line.signature) == one["timestamp"] == times.to_unix(one["time"])


def test_the_vectors_are_those_that_their_script_makes_but_for_ml_dsa():
    made = quorum_vectors.vectors()
    assert made["keys"] == VECTORS["keys"]
    ed25519 = [one for one in made["cosignatures"] if one["by"] in {"w1", "w3"}]
    assert [one for one in VECTORS["cosignatures"] if one["by"] in {"w1", "w3"}] == ed25519
    assert [named(case) for case in made["cases"]] == [named(case) for case in VECTORS["cases"]]


def test_the_published_cosignature_is_framed_as_ours_are():
    text, (log, witness) = note.split_note(PUBLISHED.encode())
    assert (log.name, len(log.signature)) == (text.split("\n")[0], 64)
    assert (witness.name, witness.key_id.hex(), len(witness.signature)) == ("witness.example.com/w1", "8d66cf3f", 72)
    assert timestamp(witness.signature) == 1679315147
    assert note.assemble_note(text, [log, witness]) == PUBLISHED.encode()
