//! Laws of the merger; that it agrees with Flink case by case is shown by the vectors.

use proptest::prelude::*;

use super::*;

const CHANNELS: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Step {
    Watermark(usize, i64),
    Idle(usize),
    Active(usize),
    End(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let channel = 0..CHANNELS;
    prop_oneof![
        6 => (channel.clone(), 0i64..40).prop_map(|(c, w)| Step::Watermark(c, w)),
        2 => channel.clone().prop_map(Step::Idle),
        2 => channel.clone().prop_map(Step::Active),
        1 => channel.prop_map(Step::End),
    ]
}

fn take(merger: &mut WatermarkMerger, step: Step) -> Merged {
    match step {
        Step::Watermark(c, w) => merger.on_watermark(c, w),
        Step::Idle(c) => merger.on_idle(c),
        Step::Active(c) => merger.on_active(c),
        Step::End(c) => merger.on_end(c),
    }
}

#[test]
fn an_end_lets_the_others_decide_and_the_last_end_is_the_end_of_time() {
    let mut merger = WatermarkMerger::new(3);
    merger.on_watermark(0, 5);
    merger.on_watermark(1, 9);
    assert_eq!(merger.on_end(2), Merged::Watermark(5));
    assert_eq!(merger.on_end(0), Merged::Watermark(9));
    assert_eq!(merger.on_idle(1), Merged::Idle { risen_to: None });
    assert_eq!(merger.on_active(1), Merged::Active);
    assert_eq!(merger.on_end(1), Merged::Watermark(WATERMARK_MAX));
    assert_eq!(merger.on_end(1), Merged::Unchanged);
}

#[test]
fn an_idle_channel_is_not_late_because_another_has_ended() {
    let mut merger = WatermarkMerger::new(2);
    merger.on_watermark(0, 5);
    merger.on_watermark(1, 100);
    assert_eq!(merger.on_idle(0), Merged::Watermark(100));
    assert_eq!(merger.on_end(1), Merged::Idle { risen_to: None });
    assert_eq!(merger.watermark(), 100);
}

#[test]
fn a_channel_that_is_not_there_changes_nothing() {
    let mut merger = WatermarkMerger::new(1);
    let steps = [Step::Watermark(1, 5), Step::Idle(1), Step::Active(1), Step::End(1)];
    assert!(steps.into_iter().all(|step| take(&mut merger, step) == Merged::Unchanged));
    assert_eq!(merger.on_watermark(0, 1), Merged::Watermark(1));
}

proptest! {
    /// Whatever comes, the result rises strictly, is told each time that it rises, is idle exactly between being told so, and
    /// never passes what some channel has said, nor a channel that was never idle.
    #[test]
    fn the_result_never_goes_back(steps in prop::collection::vec(step(), 0..60)) {
        let mut merger = WatermarkMerger::new(CHANNELS);
        let mut said = WATERMARK_MIN;
        let mut idle = false;
        let mut heard = [WATERMARK_MIN; CHANNELS];
        let mut steady = [true; CHANNELS];
        let mut ended = [false; CHANNELS];
        for step in steps {
            match step {
                Step::Watermark(c, w) => heard[c] = heard[c].max(w),
                Step::Idle(c) => steady[c] = false,
                Step::End(c) => ended[c] = true,
                Step::Active(_) => {}
            }
            let risen_to = match take(&mut merger, step) {
                Merged::Unchanged => None,
                Merged::Watermark(watermark) => Some(watermark),
                Merged::Idle { risen_to } => {
                    prop_assert!(!std::mem::replace(&mut idle, true));
                    risen_to
                }
                Merged::Active => {
                    prop_assert!(std::mem::take(&mut idle));
                    None
                }
            };
            if let Some(watermark) = risen_to {
                prop_assert!(watermark > said);
                said = watermark;
            }
            prop_assert_eq!(merger.watermark(), said);
            if ended.iter().all(|e| *e) {
                prop_assert_eq!(said, WATERMARK_MAX);
                break;
            }
            prop_assert!(heard.iter().any(|h| said <= *h));
            for c in (0..CHANNELS).filter(|c| steady[*c] && !ended[*c]) {
                prop_assert!(said <= heard[c]);
            }
        }
    }

    /// Without idleness the result is the least of the greatest, in whatever order the channels are heard.
    #[test]
    fn the_order_of_channels_does_not_matter(
        said in prop::collection::vec((0..CHANNELS, 0i64..40), 0..40),
        keys in prop::collection::vec(any::<u32>(), 40),
    ) {
        let mut mixed: Vec<_> = said.iter().copied().zip(keys).collect();
        mixed.sort_by_key(|(_, key)| *key);
        let result = |steps: &mut dyn Iterator<Item = (usize, i64)>| {
            let mut merger = WatermarkMerger::new(CHANNELS);
            steps.for_each(|(c, w)| {
                merger.on_watermark(c, w);
            });
            merger.watermark()
        };
        let greatest = |c: usize| said.iter().filter(|s| s.0 == c).map(|s| s.1).max().unwrap_or(WATERMARK_MIN);
        let least = (0..CHANNELS).map(greatest).min().unwrap_or(WATERMARK_MIN);
        prop_assert_eq!(result(&mut said.iter().copied()), least);
        prop_assert_eq!(result(&mut mixed.iter().map(|(s, _)| *s)), least);
    }
}
