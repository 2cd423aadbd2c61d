"""What codes are called on pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

USES: Final[Mapping[str, Promise]] = {
    "train.generative": _("Train a generative model"),
    "train.generative.pretrain": _("Train a generative model: from the start"),
    "train.generative.finetune": _("Train a generative model: refine a trained one"),
    "train.generative.distil": _("Train a generative model: learn from another model"),
    "train.nongenerative": _("Train a model that generates nothing"),
    "train.nongenerative.pretrain": _("Train a model that generates nothing: from the start"),
    "train.nongenerative.finetune": _("Train a model that generates nothing: refine a trained one"),
    "specialise": _("Train a model to imitate one work, creator, character or voice"),
    "generate.expression": _("Generate output that resembles the work"),
    "generate.character": _("Generate a character"),
    "generate.voice": _("Generate a voice"),
    "generate.likeness": _("Generate a person's likeness"),
    "retrieve": _("Retrieve the work to answer a question"),
    "input.user": _("Give the work to a model as a user"),
    "index.ai": _("Index the work for AI answers"),
    "search": _("Show the work in search results"),
    "analyse": _("Analyse the work"),
    "evaluate": _("Evaluate a model with the work"),
    "protect": _("Recognise and block the work"),
}

KINDS: Final[Mapping[str, Promise]] = {
    "franchise": _("Franchise"),
    "series": _("Series"),
    "film": _("Film"),
    "episode": _("Episode"),
    "game": _("Game"),
    "manga": _("Manga"),
    "book": _("Book"),
    "music": _("Music"),
    "image": _("Picture"),
    "text": _("Text"),
    "software": _("Software"),
    "character": _("Character"),
    "voice": _("Voice"),
    "likeness": _("Likeness"),
    "mark": _("Trade mark"),
}

MODALITIES: Final[Mapping[str, Promise]] = {
    "text": _("Text"),
    "image": _("Images"),
    "audio": _("Sound"),
    "video": _("Moving images"),
    "model3d": _("3D models"),
    "code": _("Program code"),
    "data": _("Other data"),
}

DISTRIBUTIONS: Final[Mapping[str, Promise]] = {
    "internal": _("Within the company only"),
    "api": _("As a service"),
    "open_weights": _("Handed out with its weights"),
}

# What else a question may say, in the order in which it is asked for.
FIELDS: Final[Mapping[str, Promise]] = {
    "vendor": _("For whom"),
    "modality": _("Kind of data that goes in"),
    "modality_out": _("Kind of data that comes out"),
    "model": _("Name of the model"),
    "distribution": _("How the model is offered"),
    "territory": _("Country of the act (two letters)"),
}
OPTIONS: Final[Mapping[str, Mapping[str, Promise]]] = {
    "modality": MODALITIES,
    "modality_out": MODALITIES,
    "distribution": DISTRIBUTIONS,
}

CONDITIONS: Final[Mapping[str, Promise]] = {
    "processors": _("Processors"),
    "sub_licence": _("Sub-licences"),
    "dataset_sharing": _("Passing on data sets"),
    "transfer": _("Transfer to others"),
    "attribution": _("Credit"),
    "reporting": _("Reports"),
    "security": _("Security"),
    "labelling": _("Labelling of output"),
    "output_limits": _("Limits on output"),
    "at_the_end": _("At the end"),
    "manner": _("Manner of use"),
    "compensation": _("Payment"),
    "law": _("Applicable law"),
    "forum": _("Court"),
    "prevailing_language": _("Language that prevails"),
}
SAID: Final[Mapping[bool, Promise]] = {True: _("agreed"), False: _("not agreed")}
