"""Who may do what with offers and grants, each with the sentence that a refusal shows."""

from __future__ import annotations

from registry.policy import ANYBODY, OPERATOR, Rule

RULES = {
    "add_licence": Rule(ANYBODY, own=False, sentence="Licences are written by operators and by members of a party."),
    "offer": Rule(
        ANYBODY, own=True, sentence="An offer is drafted by a holder of one of its works, or by an operator for them."
    ),
    "change_draft": Rule(ANYBODY, own=True, sentence="A draft is offered or discarded by the party that wrote it."),
    "issue": Rule(
        ANYBODY, own=True, sentence="A grant is issued for those who signed the offer, or by the registry itself."
    ),
    "suspend": Rule(OPERATOR, own=False, sentence="Only an operator suspends a grant, and says why."),
    "resume": Rule(OPERATOR, own=False, sentence="Only an operator ends a suspension by court or dispute."),
}

APPROVERS_ONLY = "Only a holder whose yes this offer needs approves or declines it."
LICENSEE_ONLY = "Only the licensee that the offer names accepts or declines it."
WITHDRAWERS_ONLY = "A grant is withdrawn by holders who approved it."
