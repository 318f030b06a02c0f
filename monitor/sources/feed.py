"""One call from a source on this computer through the analyzer: no server, no store."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from models.errors import AudioError, ContenanceError
from monitor.analyzer import CallAnalyzer
from monitor.events import Degraded, Event, Recovered
from monitor.sources import Notice, Source


class Feed:
    """Feeds a source to an analyzer and hands every event to `emit`, numbered as a store would.

    Whatever happens, the call is ended and everything that was read is analysed.
    """

    def __init__(
        self, analyzer: CallAnalyzer, source: Source, emit: Callable[[Event], None]
    ) -> None:
        self._analyzer = analyzer
        self._source = source
        self._emit = emit
        self._seq = 0

    def run(self, on_progress: Callable[[float], None] | None = None) -> None:
        """Run the call to its end. `on_progress` is told the seconds of audio taken in.

        Raises `PoolExhausted` before the call, `AudioError` before it or when the source breaks.
        """
        analyzer = self._analyzer
        self._source.start()
        try:
            self._send(analyzer.start())
        except ContenanceError:
            self._source.stop()
            raise
        reason = "error"
        try:
            for item in self._source.read(analyzer.rate_hz):
                self._send(self._noticed(item) if isinstance(item, Notice) else analyzer.push(item))
                if on_progress is not None:
                    on_progress(analyzer.t_secs)
            reason = self._source.ending
        except AudioError as error:
            reason = "source_lost"
            self._send(self._noticed(Notice("degraded", error.message)))
            raise
        finally:
            self._send(analyzer.end(reason))

    def _noticed(self, notice: Notice) -> list[Event]:
        call, t_secs = self._analyzer.info.call, self._analyzer.t_secs
        match notice.kind:
            case "degraded":
                return [Degraded(call=call, t_secs=t_secs, part="audio", reason=notice.reason)]
            case "recovered":
                return [Recovered(call=call, t_secs=t_secs, part="audio", reason=notice.reason)]
            case "interrupted":
                return self._analyzer.interrupted()
            case "resumed":
                return self._analyzer.resumed(notice.gap_secs)

    def _send(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.durable:
                self._seq += 1
                self._emit(event.model_copy(update={"seq": self._seq}))
            else:
                self._emit(event)
