"""What the last run of each MailStack read of the user's Secrets and ConfigMaps, and which of it changed since.

Of an object that no MailStack refers to nothing is kept.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mailstack_operator.kube.kinds import Kind
from mailstack_operator.kube.metadata import Ref, ref_of, version_of
from mailstack_operator.kube.names import StackKey
from mailstack_operator.kube.objects import Object

# resourceVersions; 0 of what does not exist.
Versions = Mapping[Ref, int]


@dataclass(frozen=True, slots=True)
class News:
    """An object is of this resourceVersion, or has been gone since."""

    version: int
    exists: bool

    def is_later_than(self, known: int) -> bool:
        return self.version > known and (self.exists or known != 0)


@dataclass(slots=True)
class _Read:
    """`known`: by the last run; `meanwhile`: what came while it read, None while none does."""

    known: Versions = field(default_factory=dict)
    meanwhile: dict[Ref, News] | None = None


class Reads:
    """Not thread-safe: one event loop owns it."""

    def __init__(self) -> None:
        self._reads: dict[StackKey, _Read] = {}
        self._readers: defaultdict[Ref, set[StackKey]] = defaultdict(set)

    def begin(self, key: StackKey, refs: Iterable[Ref]) -> None:
        """A run is about to read these: from here on nothing that happens to them is missed."""
        self.forget(key)
        self._reads[key] = _Read(dict.fromkeys(refs, 0), {})
        for ref in self._reads[key].known:
            self._readers[ref].add(key)

    def end(self, key: StackKey, versions: Versions) -> bool:
        """It has read them, in these versions. Returns whether something changed right after it was read."""
        read = self._reads[key]
        news, read.known, read.meanwhile = read.meanwhile or {}, versions, None
        return any(each.is_later_than(versions[ref]) for ref, each in news.items())

    def forget(self, key: StackKey) -> None:
        """Drops what is known of a MailStack that is gone."""
        for ref in self._reads.pop(key, _Read()).known:
            self._readers[ref].discard(key)
            if not self._readers[ref]:
                del self._readers[ref]

    def note(self, ref: Ref, news: News) -> Iterator[StackKey]:
        """The MailStacks whose last run read something else."""
        for key in self._readers.get(ref, ()):
            read = self._reads[key]
            if read.meanwhile is not None:
                read.meanwhile[ref] = news
            elif news.is_later_than(read.known[ref]):
                yield key

    def refs(self, kind: Kind, namespace: str) -> list[Ref]:
        """Everything of the kind that a MailStack refers to, in a namespace or in all (empty)."""
        return [ref for ref in self._readers if ref.kind == kind.name and namespace in ("", ref.namespace)]


class ReferencesWatch:
    """Reports each MailStack that refers to what changed; implements followers.Sink."""

    def __init__(self, reads: Reads, changed: Callable[[StackKey], None]) -> None:
        self._reads = reads
        self._changed = changed

    def noted(self, body: Object) -> None:
        self._note(ref_of(body), News(version_of(body), exists=True))

    def gone(self, body: Object) -> None:
        self._note(ref_of(body), News(version_of(body), exists=False))

    def listed(self, kind: Kind, namespace: str, refs: set[Ref], as_of: int) -> None:
        for ref in self._reads.refs(kind, namespace):
            if ref not in refs:
                self._note(ref, News(as_of, exists=False))

    def _note(self, ref: Ref, news: News) -> None:
        for key in self._reads.note(ref, news):
            self._changed(key)
