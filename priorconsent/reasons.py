"""Every reason that an answer can have, with a sentence for people (design.md, section 8)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What the asker may do."""

    PERMITTED = "permitted"
    NOT_PERMITTED = "not_permitted"


@dataclass(frozen=True, slots=True)
class Reason:
    """A stable code and what it means.

    Args:
        step: of the decision table; 0 for a check that failed before deciding, 14 for the yes.
        sentences: by language; none says more than that this registry recorded something or nothing.
    """

    code: str
    step: int
    sentences: dict[str, str]

    def sentence(self, language: str) -> str:
        """The sentence in a language, else in English."""
        return self.sentences.get(language, self.sentences["en"])


GRANTED_STEP = 14

_TABLE = (
    (1, "invalid_query", "The question is not well formed.", "質問の形式が正しくありません。"),
    (
        2,
        "no_record",
        "This registry has no record of a work under this key.",
        "このキーに対応する作品は、本登録簿に記録されていません。",
    ),
    (
        3,
        "changed_since",
        "Something this answer rests on changed after the time asked about; ask a map of that time.",
        "質問の時点より後に、回答の根拠が変わりました。その時点の記録で確認してください。",
    ),
    (4, "disputed", "A dispute is open on a work concerned.", "関係する作品について異議が申し立てられています。"),
    (5, "no_grant", "No permission for this work is recorded here.", "この作品の許諾は、ここに記録されていません。"),
    (6, "not_yet_in_force", "The permission was not yet in force.", "許諾はまだ効力を生じていません。"),
    (6, "withdrawn", "The permission was withdrawn.", "許諾は撤回されました。"),
    (6, "superseded", "A later permission took its place.", "許諾は後の許諾に置き換えられました。"),
    (6, "suspended", "The permission is suspended.", "許諾は停止されています。"),
    (6, "expired", "The permission has expired.", "許諾の期間は終了しました。"),
    (
        7,
        "needs_vendor",
        "Say for whom you ask: the record names parties.",
        "記録は当事者を指定しています。誰のための質問かを示してください。",
    ),
    (7, "other_licensee", "The permission names another licensee.", "許諾は別の被許諾者に対するものです。"),
    (7, "refused", "A holder refuses this use.", "権利者がこの利用を拒否しています。"),
    (8, "use_not_granted", "The permission does not cover this use.", "許諾はこの利用を含みません。"),
    (
        9,
        "rights_not_granted",
        "The permission does not cover all rights that this use concerns.",
        "許諾は、この利用に関わる権利のすべてを含んではいません。",
    ),
    (
        10,
        "binding_not_granted",
        "The permission does not count for a file or place found this way.",
        "この方法で特定されたファイルや場所に、許諾は及びません。",
    ),
    (10, "copy_predates_grant", "The copy was made before the permission.", "複製は許諾より前に作られました。"),
    (11, "needs_modality", "Say which kind of data goes in or out.", "入力または出力のデータの種類を示してください。"),
    (11, "modality_not_granted", "The permission excludes this kind of data.", "許諾はこの種類のデータを含みません。"),
    (11, "needs_model", "Say which model is meant.", "どのモデルかを示してください。"),
    (11, "model_not_granted", "The permission excludes this model.", "許諾はこのモデルを含みません。"),
    (11, "needs_distribution", "Say how the model is distributed.", "モデルの提供方法を示してください。"),
    (
        11,
        "distribution_not_granted",
        "The permission excludes this way of distribution.",
        "許諾はこの提供方法を含みません。",
    ),
    (11, "needs_territory", "Say in which country the act takes place.", "行為が行われる国を示してください。"),
    (11, "territory_not_granted", "The permission excludes this country.", "許諾はこの国を含みません。"),
    (
        12,
        "level_too_low",
        "The evidence or the signatures are weaker than you ask for.",
        "証拠または署名の水準が、求められた水準に達していません。",
    ),
    (
        13,
        "unsupported_term",
        "The permission has a term that this version does not understand.",
        "許諾に、この版では解釈できない条件があります。",
    ),
    (GRANTED_STEP, "granted", "A recorded permission covers this.", "記録された許諾がこれを認めています。"),
    (0, "stale_snapshot", "The data is too old to answer from.", "データが古いため回答できません。"),
    (0, "unverified_snapshot", "The data could not be verified.", "データを検証できませんでした。"),
    (0, "unreachable", "The registry could not be reached.", "登録簿に接続できませんでした。"),
    (0, "misaligned_answer", "The answers do not line up with the questions.", "回答と質問が対応していません。"),
)

REASONS: dict[str, Reason] = {code: Reason(code, step, {"en": en, "ja": ja}) for step, code, en, ja in _TABLE}
