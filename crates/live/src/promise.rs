//! What a subscription can promise (`docs/live.md`, "What a subscription promises").

use spica_live_proto::{Deliver, Kinds, Recovery, WindowKind};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// How records are delivered.
    pub deliver: Deliver,
    /// The kinds of records.
    pub kinds: Kinds,
    /// When the window closes, if there is one.
    pub window: Option<WindowKind>,
    /// Whether payloads are patches to be composed.
    pub merge_patch: bool,
    /// The promise; `None`: the default.
    pub recovery: Option<Recovery>,
}

/// The promise that is kept.
///
/// # Errors
/// Why what is asked for cannot be kept, for the client.
pub const fn promise(asked: Asked) -> Result<Recovery, &'static str> {
    if asked.merge_patch && asked.window.is_some() {
        return Err("merge and window exclude each other: both compute one value of many");
    }
    if let Some(window) = asked.window {
        return windowed(asked, matches!(window, WindowKind::Periodic(_)));
    }
    if asked.merge_patch && !shows_states(asked) {
        return Err("merge composes the values of states: deliver them as latest or auto");
    }
    if matches!(
        (asked.deliver, asked.kinds),
        (Deliver::Latest, Kinds::Event)
    ) {
        return Err("deliver latest shows states only; events come with auto or each");
    }
    let Some(recovery) = asked.recovery else {
        return Ok(default(asked.deliver));
    };
    match (recovery, shows_states(asked), shows_each(asked)) {
        (Recovery::Auto, ..) => Ok(default(asked.deliver)),
        (Recovery::Divergent, ..) | (Recovery::Convergent, true, _) => Ok(recovery),
        (Recovery::Convergent, false, _) => {
            Err("there is nothing to converge to where each record counts: ask for gap or precise")
        }
        (Recovery::Precise | Recovery::Repeating | Recovery::Gap, _, true) => Ok(recovery),
        (Recovery::Precise | Recovery::Repeating | Recovery::Gap, _, false) => {
            Err("values of states are left out on purpose: ask for deliver each, or convergent")
        }
    }
}

const fn windowed(asked: Asked, has_fixed_edges: bool) -> Result<Recovery, &'static str> {
    if matches!(asked.deliver, Deliver::Each) {
        return Err("a window computes one value of many: it cannot deliver each");
    }
    match asked.recovery {
        None | Some(Recovery::Auto) if has_fixed_edges => Ok(Recovery::Convergent),
        Some(Recovery::Convergent) if has_fixed_edges => Ok(Recovery::Convergent),
        None | Some(Recovery::Auto | Recovery::Divergent) => Ok(Recovery::Divergent),
        Some(Recovery::Convergent) => {
            Err("only periodic windows converge: the others begin anew after an interruption")
        }
        Some(Recovery::Precise | Recovery::Repeating | Recovery::Gap) => {
            Err("a window leaves values out on purpose: ask for convergent or divergent")
        }
    }
}

const fn default(deliver: Deliver) -> Recovery {
    match deliver {
        Deliver::Auto => Recovery::Auto,
        Deliver::Latest => Recovery::Convergent,
        Deliver::Each => Recovery::Gap,
    }
}

/// Whether states are conflated.
const fn shows_states(asked: Asked) -> bool {
    !matches!(asked.deliver, Deliver::Each) && !matches!(asked.kinds, Kinds::Event)
}

/// Whether each of some records is delivered.
const fn shows_each(asked: Asked) -> bool {
    match asked.deliver {
        Deliver::Each => true,
        Deliver::Auto => !matches!(asked.kinds, Kinds::State),
        Deliver::Latest => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Deliver::{Auto, Each, Latest};

    const fn asked(deliver: Deliver, kinds: Kinds, recovery: Option<Recovery>) -> Asked {
        Asked {
            deliver,
            kinds,
            window: None,
            merge_patch: false,
            recovery,
        }
    }

    #[test]
    fn the_default_follows_from_how_records_are_delivered() {
        for (deliver, want) in [
            (Auto, Recovery::Auto),
            (Latest, Recovery::Convergent),
            (Each, Recovery::Gap),
        ] {
            assert_eq!(promise(asked(deliver, Kinds::All, None)), Ok(want));
            let auto = Some(Recovery::Auto);
            assert_eq!(promise(asked(deliver, Kinds::All, auto)), Ok(want));
        }
    }

    #[test]
    fn what_cannot_be_kept_is_refused_and_all_else_is_kept() {
        use Recovery::{Convergent, Divergent, Gap, Precise, Repeating};
        for recovery in [Precise, Repeating, Gap, Convergent, Divergent] {
            let strict = matches!(recovery, Precise | Repeating | Gap);
            for (deliver, kinds, is_kept) in [
                (Latest, Kinds::All, !strict),
                (Latest, Kinds::State, !strict),
                (Latest, Kinds::Event, false),
                (Each, Kinds::All, recovery != Convergent),
                (Each, Kinds::State, recovery != Convergent),
                (Auto, Kinds::All, true),
                (Auto, Kinds::State, !strict),
                (Auto, Kinds::Event, recovery != Convergent),
            ] {
                let kept = promise(asked(deliver, kinds, Some(recovery)));
                assert_eq!(
                    kept.ok(),
                    is_kept.then_some(recovery),
                    "{deliver:?} {kinds:?}"
                );
            }
        }
    }

    #[test]
    fn windows_diverge_unless_their_edges_are_fixed() {
        for (window, default, converges) in [
            (WindowKind::Tumbling(2), Recovery::Divergent, false),
            (WindowKind::Sliding(2), Recovery::Divergent, false),
            (WindowKind::Monotonic(2), Recovery::Divergent, false),
            (WindowKind::Periodic(2), Recovery::Convergent, true),
        ] {
            let with = |deliver, recovery| {
                promise(Asked {
                    window: Some(window),
                    ..asked(deliver, Kinds::All, recovery)
                })
            };
            assert_eq!(with(Auto, None), Ok(default));
            assert_eq!(with(Latest, Some(Recovery::Auto)), Ok(default));
            assert_eq!(with(Auto, Some(Recovery::Convergent)).is_ok(), converges);
            assert!(with(Auto, Some(Recovery::Precise)).is_err());
            assert!(with(Auto, Some(Recovery::Gap)).is_err());
            assert!(with(Each, None).is_err());
        }
    }

    #[test]
    fn patches_are_composed_of_states_only() {
        let merge = |deliver, kinds| {
            promise(Asked {
                merge_patch: true,
                ..asked(deliver, kinds, None)
            })
        };
        assert!(merge(Auto, Kinds::All).is_ok());
        assert!(merge(Latest, Kinds::State).is_ok());
        assert!(merge(Each, Kinds::All).is_err());
        assert!(merge(Auto, Kinds::Event).is_err());
    }
}
