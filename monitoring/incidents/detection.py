"""When many failures are one cause, and when that is over. Pure; durations are seconds.

People are counted by their latest run within a sliding window, so a retry that got through takes
its person out again. A group of failures is far above what is usual if, by the share of runs that
usually fail, so many would be a one-in-a-million chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import ceil, exp, lgamma, log, log1p

from monitoring.health.shields import provider_of

# What a signature is called where the errors of one provider differ.
MIXED = "several errors"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When an incident opens and closes.

    window          seconds of runs that are looked at
    windows_small   longer ones for an organization with fewer than `few_tried` runs in the window
    people, share   so many people, and of those who tried such a share, fail together
    few_tried       below so many who tried, `small_people` and `small_share` are enough, too
    tail            the probability against the baseline must be below this
    least_baseline  no share of usual failures is taken for lower than this
    close_share     an incident is over when less than this share of `share` still fails
    good_people     and so many different people of those hit have had a good run
    reopen_within   who fails together again so many seconds after is hit by the same incident
    longest         for so many seconds an incident explains failures; who fails for longer is
                    judged alone, lest a trouble of their own be hidden for ever
    """

    window: int = 900
    windows_small: tuple[int, ...] = (1_800, 3_600, 7_200)
    people: int = 5
    share: float = 0.30
    few_tried: int = 20
    small_people: int = 3
    small_share: float = 0.60
    tail: float = 1e-6
    least_baseline: float = 0.002
    close_share: float = 0.5
    good_people: int = 3
    reopen_within: int = 1_800
    longest: int = 259_200

    @property
    def longest_window(self) -> int:
        return max(self.window, *self.windows_small)


@dataclass(frozen=True, slots=True)
class Window:
    """The people who tried within a window, by the signature of their latest run.

    tried     everybody whose latest run fell into the window
    failing   people by signature, of those whose latest run did not get through
    """

    tried: int
    failing: Mapping[str, int] = field(default_factory=dict)

    def of_provider(self, provider: str) -> int:
        """Return how many people fail against a provider."""
        return sum(n for name, n in self.failing.items() if provider_of(name) == provider)

    def share_of(self, provider: str, before: float, few_tried: int) -> float:
        """Return the share of those who tried that fail against a provider, to a hundredth.

        Fewer who tried than `few_tried` say nothing of that: it is what it was `before`.
        """
        if self.tried < few_tried:
            return before
        return round(self.of_provider(provider) / self.tried, 2)

    @property
    def providers(self) -> list[str]:
        return sorted({provider_of(name) for name in self.failing})

    def without(self, providers: Collection[str]) -> Window:
        """Leave out those who fail against these providers: they prove nothing of any other."""
        failing = {n: p for n, p in self.failing.items() if provider_of(n) not in providers}
        left_out = sum(self.failing.values()) - sum(failing.values())
        return Window(self.tried - left_out, failing)


@dataclass(frozen=True, slots=True)
class Usual:
    """How runs usually end: attempts of the last days outside incidents, and how they failed."""

    attempts: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)

    def share(self, signature: str, thresholds: Thresholds) -> float:
        """Return the share of runs that usually fail so; a little where nothing is known."""
        return usual_share(self.failed.get(signature, 0), self.attempts, thresholds)

    def provider_share(self, provider: str, thresholds: Thresholds) -> float:
        failed = sum(n for name, n in self.failed.items() if provider_of(name) == provider)
        return usual_share(failed, self.attempts, thresholds)


@dataclass(frozen=True, slots=True)
class Finding:
    """Failures found to have one cause: of whom, how many, over which window."""

    provider: str
    signature: str
    people: int
    tried: int
    window: int

    @property
    def is_mixed(self) -> bool:
        """Tell whether the provider's errors differ, so that no one signature stands for them."""
        return self.signature.endswith(MIXED)

    @property
    def share(self) -> float:
        """Return the share of those who tried that fail so, to a hundredth."""
        return round(self.people / self.tried, 2)


def usual_share(failed: int, attempts: int, thresholds: Thresholds) -> float:
    return max(thresholds.least_baseline, (failed + 0.5) / (attempts + 100))


def find_incident(
    windows: Mapping[int, Window], usual: Usual, thresholds: Thresholds
) -> Finding | None:
    """Return the widest group of failures with one cause, if there is one.

    `windows` holds a Window by its length in seconds: `window` and `windows_small`. The longer
    ones are looked at only where the short one holds too few who tried. Whose latest run an
    incident explains should be in none of them: else what was before its end opens it again.
    """
    short = windows.get(thresholds.window, Window(0))
    lengths = [thresholds.window]
    if short.tried < thresholds.few_tried:
        lengths += [length for length in thresholds.windows_small if length in windows]
    for length in lengths:
        finding = find_in_window(length, windows.get(length, Window(0)), usual, thresholds)
        if finding is not None:
            return finding
    return None


def find_in_window(
    length: int, window: Window, usual: Usual, thresholds: Thresholds
) -> Finding | None:
    """Look for one error that hits many, and for one provider whose errors together do."""
    found = [
        Finding(provider_of(name), name, people, window.tried, length)
        for name, people in window.failing.items()
        if is_too_many(people, window.tried, usual.share(name, thresholds), thresholds)
    ]
    for provider in window.providers:
        people = window.of_provider(provider)
        share = usual.provider_share(provider, thresholds)
        if is_too_many(people, window.tried, share, thresholds):
            name = leading_signature(window, provider)
            found.append(Finding(provider, name, people, window.tried, length))
    return max(found, key=lambda finding: (finding.people, finding.signature), default=None)


def leading_signature(window: Window, provider: str) -> str:
    """Return the signature most of a provider's failures share, or MIXED where none does."""
    names = Counter({n: p for n, p in window.failing.items() if provider_of(n) == provider})
    name, people = max(names.items(), key=lambda item: (item[1], item[0]))
    return name if 2 * people > names.total() else f"{provider} - {MIXED}"


def is_too_many(people: int, tried: int, usual: float, thresholds: Thresholds) -> bool:
    """Tell whether so many of those who tried failing together is one cause.

    Where few tried, fewer people are enough if they are most of those who tried.
    """
    few = tried < thresholds.few_tried
    many = people >= thresholds.people and people >= thresholds.share * tried
    most = few and people >= thresholds.small_people and people >= thresholds.small_share * tried
    return (many or most) and tail_probability(people, tried, usual) < thresholds.tail


def tail_probability(least: int, tried: int, share: float) -> float:
    """Return the chance that `least` or more of `tried` fail where each fails with `share`."""
    if least <= 0:
        return 1.0
    if least > tried or share <= 0:
        return 0.0
    if share >= 1 or least <= tried * share:
        return 1.0
    # From the mean on each term is smaller than the one before, so the sum is soon complete.
    total = term = 0.0
    for failed in range(least, tried + 1):
        term = binomial_term(failed, tried, share)
        total += term
        if term < total * 1e-9:
            break
    return min(total, 1.0)


def binomial_term(failed: int, tried: int, share: float) -> float:
    choices = lgamma(tried + 1) - lgamma(failed + 1) - lgamma(tried - failed + 1)
    return exp(choices + failed * log(share) + (tried - failed) * log1p(-share))


@dataclass(frozen=True, slots=True)
class Course:
    """How an open incident stands.

    hit         people it hit, and of them `good` have had a good run since it opened, or came back
    off         people of those hit who can't be tried: switched off since, or gone
    window      the short window of the incident's organization, with everybody in it
    provider    whose failures it is about
    """

    provider: str
    hit: int
    good: int
    off: int
    window: Window


def is_over(course: Course, thresholds: Thresholds) -> bool:
    """Tell whether outcomes say that an incident has ended.

    Enough different people of those hit have had a good run, and of those who tried lately few
    fail. Of a few who were hit most are enough: one may have a trouble of their own. Who never
    fails elsewhere proves nothing, and nobody's trying proves nothing either.
    """
    can_be_tried = max(course.hit - course.off, 0)
    if course.good < min(thresholds.good_people, ceil(can_be_tried / 2)):
        return False
    if course.window.tried == 0:
        return can_be_tried == course.good
    few = course.window.tried < thresholds.few_tried
    share = thresholds.small_share if few else thresholds.share
    failing = course.window.of_provider(course.provider)
    if few and course.good and failing < thresholds.small_people:
        return True
    return failing <= course.window.tried * share * thresholds.close_share
