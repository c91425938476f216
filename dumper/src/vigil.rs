//! Looks at the resident memory from time to time, where that is asked for, and tells when a dump is due.

use std::collections::VecDeque;
use std::time::Duration;

use crate::trigger::Trigger;
use crate::triggers::{Amount, MemoryRise, Triggers};

/// How often it looks. A look costs some microseconds.
const EVERY: Duration = Duration::from_secs(1);
/// A rise is found by so many looks in its time at most.
const LOOKS: u32 = 60;

/// What is watched in one process. Times are those of the monotonic clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vigil {
    levels: Option<Levels>,
    rise: Option<Rise>,
    next_look: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Levels {
    next: u64,
    step: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rise {
    rise: MemoryRise,
    /// When the first look counts: programs grow when they start.
    from: Duration,
    /// Looks of the last while, oldest first: when, and what was resident. Only those that are less than all later ones can be the
    /// beginning of a rise, so that is all that is kept.
    looks: VecDeque<(Duration, u64)>,
}

impl Vigil {
    /// `None` if nothing is to be watched. `limit` is what the process may use at most, bytes; without it, levels in per cent of
    /// it are never reached.
    pub(crate) fn new(triggers: &Triggers, limit: Option<u64>, now: Duration) -> Option<Self> {
        let bytes = |amount| match amount {
            Amount::Bytes(bytes) => Some(bytes),
            Amount::Percent(percent) => Some((limit? / 100).saturating_mul(percent.into()).max(1)),
        };
        let levels = triggers.memory.and_then(|levels| {
            Some(Levels {
                next: bytes(levels.first)?,
                step: bytes(levels.step)?,
            })
        });
        let rise = triggers.rise.map(|rise| Rise::new(rise, now));
        let watched = levels.is_some() || rise.is_some();
        watched.then_some(Self {
            levels,
            rise,
            next_look: now,
        })
    }

    /// For a process that was forked: levels that were reached stay reached, rises are looked for anew.
    pub(crate) fn inherited(mut self, now: Duration) -> Self {
        if let Some(rise) = &mut self.rise {
            *rise = Rise::new(rise.rise, now);
        }
        self
    }

    /// How long until the next look; zero if it is time.
    pub(crate) fn until_look(&self, now: Duration) -> Duration {
        self.next_look.saturating_sub(now)
    }

    /// The level at which the next dump is due.
    pub(crate) fn next_level(&self) -> Option<u64> {
        self.levels.as_ref().map(|levels| levels.next)
    }

    /// Takes down what is resident, and tells whether a dump is due. It stays due until [`taken`](Self::taken).
    pub(crate) fn look(&mut self, resident: u64, now: Duration) -> Option<Trigger> {
        let every = match (&self.levels, &self.rise) {
            (None, Some(rise)) => (rise.rise.within / LOOKS).max(EVERY),
            _ => EVERY,
        };
        self.next_look = now + every;
        let rise = self.rise.as_mut().and_then(|rise| rise.look(resident, now));
        let level = self.levels.as_ref().map(|levels| levels.next);
        match level.filter(|&level| resident >= level) {
            Some(level) => Some(Trigger::Memory { resident, level }),
            None => rise,
        }
    }

    /// The dump is being taken: the next one is due at the next level, or when memory rises again.
    pub(crate) fn taken(&mut self, resident: u64, now: Duration) {
        if let Some(levels) = &mut self.levels
            && resident >= levels.next
        {
            let steps = (resident - levels.next) / levels.step + 1;
            levels.next = levels
                .next
                .saturating_add(steps.saturating_mul(levels.step));
        }
        if let Some(rise) = &mut self.rise {
            rise.looks = VecDeque::from([(now, resident)]);
        }
    }
}

impl Rise {
    fn new(rise: MemoryRise, now: Duration) -> Self {
        Self {
            rise,
            from: now + rise.within,
            looks: VecDeque::new(),
        }
    }

    fn look(&mut self, resident: u64, now: Duration) -> Option<Trigger> {
        if now < self.from {
            return None;
        }
        while self.looks.back().is_some_and(|&(_, then)| then >= resident) {
            self.looks.pop_back();
        }
        self.looks.push_back((now, resident));
        while self
            .looks
            .front()
            .is_some_and(|&(time, _)| now - time > self.rise.within)
        {
            self.looks.pop_front();
        }
        let &(time, lowest) = self.looks.front()?;
        let bytes = resident - lowest;
        let within = now - time;
        (bytes >= self.rise.bytes).then_some(Trigger::Rise { bytes, within })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triggers::{parse_levels, parse_rise};

    const M: u64 = 1 << 20;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn vigil(levels: Option<&str>, rise: Option<&str>, limit: Option<u64>) -> Option<Vigil> {
        let triggers = Triggers {
            memory: levels.and_then(parse_levels),
            rise: rise.and_then(parse_rise),
            ..Triggers::OFF
        };
        Vigil::new(&triggers, limit, at(0))
    }

    #[test]
    fn nothing_is_watched_unless_it_is_asked_for() {
        assert_eq!(vigil(None, None, Some(1 << 30)), None);
        assert_eq!(vigil(Some("80%"), None, None), None);
    }

    #[test]
    fn levels_are_reached_once_each_however_far_memory_jumps() {
        let mut vigil = vigil(Some("100M+10M"), None, None).unwrap();
        let mut due = |resident: u64, second| {
            let trigger = vigil.look(resident * M, at(second));
            vigil.taken(resident * M, at(second));
            match trigger {
                Some(Trigger::Memory { level, .. }) => level / M,
                None => 0,
                other => panic!("{other:?}"),
            }
        };
        let memory = [99, 100, 105, 90, 109, 110, 147, 149, 150, 20, 159, 160];
        let reached = memory.map(|resident| due(resident, resident));
        assert_eq!(reached, [0, 100, 0, 0, 0, 110, 120, 0, 150, 0, 0, 160]);
    }

    #[test]
    fn a_dump_stays_due_until_it_is_taken() {
        let mut vigil = vigil(Some("100M"), None, None).unwrap();
        let trigger = Trigger::Memory {
            resident: 101 * M,
            level: 100 * M,
        };
        assert_eq!(vigil.look(101 * M, at(1)), Some(trigger));
        assert_eq!(vigil.look(101 * M, at(2)), Some(trigger));
        vigil.taken(101 * M, at(2));
        assert_eq!(vigil.look(101 * M, at(3)), None);
    }

    #[test]
    fn per_cent_are_of_the_limit() {
        let vigil = vigil(Some("80%+5%"), None, Some(1000 * M)).unwrap();
        assert_eq!(vigil.next_level(), Some(800 * M));
    }

    #[test]
    fn a_rise_counts_from_the_lowest_look_of_its_time() {
        let mut vigil = vigil(None, Some("100M/min"), None).unwrap();
        // The start is left out.
        assert_eq!(vigil.look(10 * M, at(0)), None);
        assert_eq!(vigil.look(300 * M, at(59)), None);
        assert_eq!(vigil.look(300 * M, at(60)), None);
        assert_eq!(vigil.look(250 * M, at(80)), None);
        assert_eq!(vigil.look(340 * M, at(100)), None);
        let rise = Trigger::Rise {
            bytes: 100 * M,
            within: at(60),
        };
        assert_eq!(vigil.look(350 * M, at(140)), Some(rise));
        vigil.taken(350 * M, at(140));
        assert_eq!(vigil.look(350 * M, at(141)), None);
        // As much again, but slowly.
        for second in 142..400 {
            let resident = 350 * M + (second - 142) * M;
            assert_eq!(vigil.look(resident, at(second)), None, "{second}");
        }
    }

    #[test]
    fn a_rise_agrees_with_a_slow_search() {
        let mut state = 1_u64;
        let mut random = move |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % below
        };
        let mut vigil = vigil(None, Some("40/10s"), None).unwrap();
        let mut all: Vec<(u64, u64)> = Vec::new();
        let mut rises = 0;
        for second in 10..2000 {
            let resident = 1000 + random(60);
            all.push((second, resident));
            let recent = all.iter().filter(|look| second - look.0 <= 10);
            let rise = resident - recent.map(|look| look.1).min().unwrap();
            let told = match vigil.look(resident, at(second)) {
                Some(Trigger::Rise { bytes, .. }) => bytes,
                _ => 0,
            };
            assert_eq!(told, if rise >= 40 { rise } else { 0 });
            rises += u32::from(told > 0);
        }
        assert!(rises > 100);
    }

    #[test]
    fn a_forked_process_does_not_tell_again_what_its_parent_told() {
        let mut vigil = vigil(Some("100M"), Some("10M/min"), None).unwrap();
        vigil.look(110 * M, at(1));
        vigil.taken(110 * M, at(1));
        let mut child = vigil.inherited(at(100));
        assert_eq!(child.look(110 * M, at(101)), None);
        assert!(child.look(150 * M, at(102)).is_some());
    }
}
