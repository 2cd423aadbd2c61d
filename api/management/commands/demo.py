"""Set up, fill with an invented cast, serve."""

from __future__ import annotations

import shutil
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from api import serving
from api.demo import farewell
from api.demo.remains import Folder, Note
from api.demo.stage import Stage
from api.demo.story import DAY_S, DAYS, LATEST_KEY_DELAY_S, Story, play
from licences import tasks
from priorconsent import times
from priorconsent.errors import PriorConsentError
from transparency import acknowledgements, last_signed
from transparency.append import sequenced_by_caller
from transparency.files import locked, write_file
from transparency.keysets import found_registry
from transparency.models import Head, Pending
from transparency.store import registry_id

CLEAR_LINE = "\r\x1b[2K"
# Opening, keyset, rights table, map-root.
EVENTS_OF_A_FOUNDING = 4
# Folders below that of the data.
WRITTEN_BY_A_LOG = ("public", "changes", "past")
# What a shell reports of a program that Ctrl-C ended.
INTERRUPTED = 130


class Command(BaseCommand):
    help = "Fill a new registry with an invented cast whose clock starts ten days ago, and serve it on 127.0.0.1."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-serve", action="store_true", help="stop before serving")
        parser.add_argument("--port", type=int, help="port to serve on; default that of PRIORCONSENT_BASE_URL")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        serving.end_on_sigterm()
        port, base_url = serving.address(options["port"])
        # What is written from here on names the address that answers.
        settings.PRIORCONSENT_BASE_URL = base_url
        try:
            note, folder = self._prepare()
            if options["no_serve"]:
                self._say_goodbye(note, folder, base_url, online=False)
            else:
                self._serve(note, folder, port, base_url)
        except PriorConsentError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("stopped; a demo that was not finished begins anew", returncode=INTERRUPTED) from None

    def _prepare(self) -> tuple[Note, Folder]:
        """The finished demo, played now or before."""
        folder = Folder(settings.PRIORCONSENT_DATA)
        folder.path.mkdir(parents=True, exist_ok=True)
        with locked(folder.path):
            call_command("migrate", verbosity=0, interactive=False)
            return self._resume(folder) or self._play(folder), folder

    def _resume(self, folder: Folder) -> Note | None:
        """The demo of an earlier run, if it was finished."""
        note = folder.read_note()
        if note is None:
            return None
        if Head.now().size == 0 or registry_id() != note.registry:
            raise CommandError(f"{folder.note} tells of another registry than the database; move one of them away")
        self.stdout.write("The demo is there already; nothing is changed.")
        tasks.sweep()
        folder.copy_snapshot()
        return note

    def _play(self, folder: Folder) -> Note:
        if settings.PRIORCONSENT_KEY_DELAY_S > LATEST_KEY_DELAY_S:
            raise CommandError(f"the story needs a PRIORCONSENT_KEY_DELAY_S of at most {LATEST_KEY_DELAY_S}")
        self._make_room(folder)
        write_file(folder.begun, b"")
        story = Story(times.plus(times.now(), -DAYS * DAY_S), settings.PRIORCONSENT_KEY_DELAY_S)
        with sequenced_by_caller():
            registry = found_registry(story.begin)
            write_file(folder.begun, registry.encode())
            stage = Stage(registry, folder.keys, story.begin, self._tick)
            play(stage, story, self._tell)
            # What the first sweep would note, so that a second run finds nothing to do.
            acknowledgements.watch(stage.now)
        return folder.finish(stage, story)

    def _make_room(self, folder: Folder) -> None:
        """Clear away half a demo; refuse to touch anything else."""
        head = Head.now()
        if not head.size and not Pending.objects.exists():
            return
        if not self._is_half_a_demo(folder, head.size):
            raise CommandError(
                f"there is a registry in {settings.PRIORCONSENT_DATA} or its database already, which is not the "
                "demo's; set PRIORCONSENT_DATA to another folder"
            )
        self.stdout.write("An earlier demo was stopped half-way; it is cleared away, and begins anew.")
        call_command("flush", verbosity=0, interactive=False)
        for name in WRITTEN_BY_A_LOG:
            shutil.rmtree(settings.PRIORCONSENT_DATA / name, ignore_errors=True)
        # Nobody has seen what it remembers: half a demo was never served.
        last_signed.path().unlink(missing_ok=True)
        shutil.rmtree(folder.keys, ignore_errors=True)

    @staticmethod
    def _is_half_a_demo(folder: Folder, size: int) -> bool:
        """Whether the database holds what an unfinished demo wrote: the folder may have been used with another one."""
        if not folder.begun.exists():
            return False
        begun = folder.begun.read_text(encoding="ascii")
        # Stopped while it was founded, it had no time to write down which registry it was; so there is nothing in it.
        return begun == registry_id() if begun else size <= EVENTS_OF_A_FOUNDING

    def _serve(self, note: Note, folder: Folder, port: int, base_url: str) -> None:
        with serving.serving(port, base_url) as server:
            self._say_goodbye(note, folder, base_url, online=True)
            try:
                self.stdout.write(f"\nServing on {base_url}/ until Ctrl-C.")
                self.stdout.flush()
                code = serving.sweep_while(server, self.stderr.write)
            except KeyboardInterrupt:
                self.stdout.write("\nThe server has ended; ./run demo starts it again.")
                return
        raise CommandError(f"the server ended by itself, with code {code}")

    def _say_goodbye(self, note: Note, folder: Folder, base_url: str, *, online: bool) -> None:
        self.stdout.write(f"\nTrust file: {farewell.shown(settings.PRIORCONSENT_DATA / 'trust.json')}")
        self.stdout.write("Everybody's keys, files and a manifest: " + farewell.shown(folder.path))
        self.stdout.write("\nTo paste into another terminal:\n")
        self.stdout.write(farewell.first_line())
        for command in farewell.commands(note, folder, base_url):
            if online or not command.online:
                self.stdout.write(f"# {command.says} (exit {command.code})\n{command.line}")

    def _tell(self, text: str) -> None:
        self.stdout.write(CLEAR_LINE + text if self.stdout.isatty() else text)
        self.stdout.flush()

    def _tick(self, text: str) -> None:
        """Show that something goes on, where somebody looks."""
        if self.stdout.isatty():
            self.stdout.write(f"{CLEAR_LINE}  {text}", ending="")
            self.stdout.flush()
