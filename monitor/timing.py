"""Who speaks when, across both channels: talking at once, cutting short, silence, one-sided talk.

Pure and by the clock of the audio: told every tick who is speaking, it notices what a caller
experiences as not being listened to. It knows no words and judges no voice: of the agent's channel
nothing but "speaks or not, and how loud beside the other" is used, the latter to tell an echo.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from monitor.policy import ListenLimits

BREATH_SECS = 0.3
"""A shorter break does not end what somebody is saying."""
ECHO_DB = 15.0
"""While both channels sound, one this much below what the other was just now carries its echo."""
CUT_SHORT_SECS = 0.6
"""Starting to speak this long before the other stops is cutting short; less is a quick answer."""
ESTABLISHED_SECS = 1.0
"""Who has spoken this long holds the floor."""
SHARE_NEEDS = 0.5
"""So much of the window must be speech before shares say anything."""

_SLACK_SECS = 1e-6
"""Times are sums of ticks, and may come out this much short."""

Kind = Literal["talk_over", "interruption", "dead_air", "agent_share"]


@dataclass(frozen=True, slots=True)
class Sound:
    """What one channel did in a tick: does somebody speak, and at what level in dBFS."""

    speaking: bool
    level_db: float


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something a caller may feel, from `start_secs` to `end_secs` of the call.

    secs: what is measured: how long both spoke, nobody spoke, or the agent spoke (agent_share).
    """

    kind: Kind
    start_secs: float
    end_secs: float
    secs: float


@dataclass(slots=True)
class _Voice:
    """One side's talk: since when it goes on, and when it was last heard (seconds of the call)."""

    since_secs: float | None = None
    last_secs: float | None = None
    loud: deque[tuple[float, float]] = field(default_factory=deque)  # (end_secs, level_db), lately

    def recent_db(self, level_db: float, end_secs: float) -> float:
        """The highest level of the last breath, this tick's included: an echo comes late."""
        self.loud.append((end_secs, level_db))
        while end_secs - self.loud[0][0] > BREATH_SECS:
            self.loud.popleft()
        return max(level for _, level in self.loud)

    def step(self, speaking: bool, start_secs: float, end_secs: float) -> None:
        if speaking:
            if self.since_secs is None:
                self.since_secs = start_secs
            self.last_secs = end_secs
        elif self.last_secs is not None and end_secs - self.last_secs >= BREATH_SECS - _SLACK_SECS:
            self.since_secs = None


class TalkMeter:
    """Notices across both channels of one call. Push every tick of the audio once, in order.

    Talking at once and silence are told while they last, as soon as they are as long as the policy
    says; a silence again at every multiple of that. A cut-short turn is told when it is over.
    """

    def __init__(self, limits: ListenLimits) -> None:
        self._limits = limits
        self._now_secs = 0.0
        self._customer, self._agent = _Voice(), _Voice()
        self._both_since_secs: float | None = None
        self._cutting_in = False
        self._told_overlap = False
        self._silences_told = 0
        self._window: deque[tuple[float, bool, bool]] = deque()
        self._talk_secs = {"customer": 0.0, "agent": 0.0}
        self._share_told_secs: float | None = None

    def push(self, end_secs: float, customer: Sound, agent: Sound) -> list[Noticed]:
        """The tick that ends at `end_secs` (seconds of the call, from sample counts)."""
        start_secs, self._now_secs = self._now_secs, end_secs
        heard = self._without_echo(customer, agent)
        self._customer.step(heard[0], start_secs, end_secs)
        self._agent.step(heard[1], start_secs, end_secs)
        found = [self._overlap(start_secs), self._silence(), self._share(start_secs, *heard)]
        return [one for one in found if one is not None]

    def _without_echo(self, customer: Sound, agent: Sound) -> tuple[bool, bool]:
        """Who really speaks: (customer, agent)."""
        customer_db = self._customer.recent_db(customer.level_db, self._now_secs)
        agent_db = self._agent.recent_db(agent.level_db, self._now_secs)
        if not (customer.speaking and agent.speaking):
            return customer.speaking, agent.speaking
        return customer.level_db > agent_db - ECHO_DB, agent.level_db > customer_db - ECHO_DB

    def _overlap(self, start_secs: float) -> Noticed | None:
        customer, agent = self._customer, self._agent
        both = customer.since_secs is not None and agent.since_secs is not None
        if self._both_since_secs is None:
            if both:
                assert customer.since_secs is not None
                assert agent.since_secs is not None
                self._both_since_secs = max(customer.since_secs, agent.since_secs)
                held_secs = agent.since_secs - customer.since_secs
                self._cutting_in = held_secs >= ESTABLISHED_SECS - _SLACK_SECS
                self._told_overlap = False
            return None
        since_secs = self._both_since_secs
        assert customer.last_secs is not None
        assert agent.last_secs is not None
        until_secs = min(customer.last_secs, agent.last_secs)
        secs = until_secs - since_secs + _SLACK_SECS
        if not both:
            self._both_since_secs = None
            gave_way = customer.last_secs < agent.last_secs
            cut_short = self._cutting_in and gave_way and secs >= CUT_SHORT_SECS
            if cut_short and not self._told_overlap:
                return _noticed("interruption", since_secs, until_secs, secs)
            return None
        if secs >= self._limits.talk_over_secs and not self._told_overlap:
            self._told_overlap = True
            return _noticed("talk_over", since_secs, until_secs, secs)
        return None

    def _silence(self) -> Noticed | None:
        lasts = [
            one.last_secs for one in (self._customer, self._agent) if one.last_secs is not None
        ]
        if not lasts:  # nobody has spoken yet: the phone may still ring
            return None
        since_secs = max(lasts)
        secs = self._now_secs - since_secs
        due = int((secs + _SLACK_SECS) / self._limits.dead_air_secs)
        if due == 0:
            self._silences_told = 0
        if due <= self._silences_told:
            return None
        self._silences_told = due
        return _noticed("dead_air", since_secs, self._now_secs, secs)

    def _share(self, start_secs: float, customer: bool, agent: bool) -> Noticed | None:
        now_secs, window = self._now_secs, self._window
        self._count(start_secs, now_secs, customer, agent, +1)
        window.append((start_secs, customer, agent))
        oldest_secs = now_secs - self._limits.share_within_secs
        while window and window[0][0] < oldest_secs - _SLACK_SECS:
            begin_secs, was_customer, was_agent = window.popleft()
            until_secs = window[0][0] if window else now_secs
            self._count(begin_secs, until_secs, was_customer, was_agent, -1)
        if now_secs < self._limits.share_within_secs:
            return None
        told_secs = self._share_told_secs
        if told_secs is not None and now_secs - told_secs < self._limits.share_within_secs:
            return None
        of_agent, together = self._talk_secs["agent"], sum(self._talk_secs.values())
        if together < SHARE_NEEDS * self._limits.share_within_secs:
            return None
        if 100 * of_agent <= self._limits.agent_share_percent * together:
            return None
        self._share_told_secs = now_secs
        return _noticed("agent_share", max(0.0, oldest_secs), now_secs, of_agent)

    def _count(
        self, start_secs: float, end_secs: float, customer: bool, agent: bool, sign: int
    ) -> None:
        secs = sign * (end_secs - start_secs)
        self._talk_secs["customer"] += secs * customer
        self._talk_secs["agent"] += secs * agent


def _noticed(kind: Kind, start_secs: float, end_secs: float, secs: float) -> Noticed:
    return Noticed(kind, round(start_secs, 2), round(end_secs, 2), round(secs, 1))
