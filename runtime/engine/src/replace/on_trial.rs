//! The component that a step runs, and beside it, while a swap or a shadow run lasts, another version of it. It decides whose answer
//! to a call counts; it never touches rows, and what a version needs to take over state is the component's.

use weir_host::{CallError, Failure, RejectedRow};

use super::shadow::{Comparer, Found, Shadow, ShadowParticipant};
use super::trial::{SwapParticipant, Trial, Verdict};
use crate::error::OperatorError;

/// A component that another version can replace.
pub(crate) trait Guest: Sized {
    /// What the host keeps for it between two calls, in the layout of the version that runs.
    type State;
    /// Why a version cannot take the state over.
    type Error;

    /// Converts the state from the layout of the version that ran so far to this one's. If that fails, nothing has changed.
    ///
    /// # Errors
    /// If it cannot be converted.
    fn take_over(&mut self, from: &Self, state: &mut Self::State) -> Result<(), Self::Error>;

    /// The same for the version before, whose successor is rolled back.
    ///
    /// # Errors
    /// If it cannot be converted.
    fn take_back(&mut self, from: &Self, state: &mut Self::State) -> Result<(), Self::Error> {
        self.take_over(from, state)
    }

    /// Whether its answers can be applied to the state of another version as they are.
    fn shares_layout(&self, with: &Self) -> bool {
        let _ = with;
        true
    }
}

/// An answer that may refuse some of the rows of its call.
pub(crate) trait Refusing {
    /// Refused rows, ascending.
    fn rejected(&self) -> &[RejectedRow] {
        &[]
    }
}

/// Which version makes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VersionChoice {
    /// The one that came last, on trial or not.
    Candidate,
    /// The one before: during a canary it still has most of the key groups.
    Current,
}

/// The component that runs, and other versions of it for as long as they are needed.
pub(crate) struct OnTrial<G> {
    /// The version that came last.
    pub(crate) guest: G,
    /// The version before, until the swap is decided.
    pub(crate) trial: Option<Trial<G>>,
    shadow: Option<Shadow<G>>,
}

impl<G: Guest> OnTrial<G> {
    /// A version without any other beside it.
    pub(crate) fn new(guest: G) -> Self {
        Self { guest, trial: None, shadow: None }
    }

    /// Runs another version from now on; the old one stays until the swap is decided.
    ///
    /// # Errors
    /// If that version cannot take the state over; then nothing has changed.
    pub(crate) fn swap(
        &mut self,
        mut to: G,
        participant: SwapParticipant,
        state: &mut G::State,
    ) -> Result<(), G::Error> {
        to.take_over(&self.guest, state)?;
        self.trial = Some(Trial::new(std::mem::replace(&mut self.guest, to), participant));
        Ok(())
    }

    /// All that are called.
    pub(crate) fn versions(&mut self) -> impl Iterator<Item = &mut G> {
        let old = self.trial.as_mut().map(|trial| &mut trial.old);
        std::iter::once(&mut self.guest).chain(old).chain(self.shadow.as_mut().map(|shadow| &mut shadow.guest))
    }

    /// Calls another version beside the one that runs, for comparison only.
    pub(crate) fn shadow(&mut self, by: G, participant: ShadowParticipant) {
        self.shadow = Some(Shadow::new(by, participant));
    }

    /// The candidate has all key groups from now on.
    pub(crate) fn follow(&mut self) {
        self.trial.iter_mut().for_each(Trial::follow);
    }

    /// Does what the swap has decided, and drops a shadow whose time is over. Says whether the version before runs again.
    ///
    /// # Errors
    /// If that one cannot take the state back.
    pub(crate) fn settle(&mut self, state: &mut G::State) -> Result<bool, G::Error> {
        self.shadow.take_if(|shadow| !shadow.is_open());
        let verdict = self.trial.as_ref().map_or(Verdict::Open, Trial::verdict);
        if verdict != Verdict::Open
            && let Some(Trial { mut old, .. }) = self.trial.take()
            && verdict == Verdict::PutBack
        {
            old.take_back(&self.guest, state)?;
            self.guest = old;
            return Ok(true);
        }
        Ok(false)
    }

    /// What a version answers to a call with so many rows. If the candidate is on trial and does worse than the version before, that
    /// one's answer counts, and the swap learns why.
    ///
    /// # Errors
    /// If the version fails, or the one before cannot take the state back.
    pub(crate) fn call<A: Refusing>(
        &mut self,
        by: VersionChoice,
        rows: usize,
        state: &mut G::State,
        mut call: impl FnMut(&mut G) -> Result<A, Failure<G::Error>>,
    ) -> Result<A, Failure<G::Error>> {
        if let (VersionChoice::Current, Some(trial)) = (by, &mut self.trial) {
            return call(&mut trial.old);
        }
        let new = match call(&mut self.guest) {
            Ok(answer) if answer.rejected().is_empty() => return Ok(answer),
            Ok(answer) => Ok(answer),
            Err(Failure::Guest(error)) if !error.is_fatal() => Err(error),
            Err(failure) => return Err(failure),
        };
        let Some(trial) = &mut self.trial else { return Ok(new?) };
        match choose(new, call(&mut trial.old).ok(), rows) {
            Chosen::New(answer) => Ok(answer?),
            Chosen::Old { answer, instead_of, reason } => {
                trial.regressed(reason);
                let shares_layout = trial.old.shares_layout(&self.guest);
                let is_back = self.settle(state).map_err(Failure::Fatal)?;
                // The failure may be tolerated, or the candidate be kept meanwhile: then the state stays in its layout.
                if is_back || shares_layout { Ok(answer) } else { Ok(instead_of?) }
            }
        }
    }

    /// Has the shadow called and compared, if there is one.
    pub(crate) fn compare(
        &mut self,
        compare: impl FnOnce(&mut G, Comparer<'_>) -> Result<Found, Failure<OperatorError>>,
    ) {
        if let Some(shadow) = self.shadow.as_mut().filter(|shadow| shadow.is_open()) {
            shadow.compare(compare);
        }
    }

    /// Tells the swap that the candidate has processed a batch.
    pub(crate) fn batch(&self) {
        self.trial.iter().for_each(Trial::batch);
    }
}

/// Whose answer to a call counts.
enum Chosen<A> {
    /// That of the candidate.
    New(Result<A, CallError>),
    /// That of the version before: the candidate did worse, for this reason.
    Old { answer: A, instead_of: Result<A, CallError>, reason: String },
}

/// Chooses between the answers of the version on trial and of the old one (`None`: it failed) to a call with `rows` rows. The
/// version on trial does worse if it fails or refuses a row where the old one neither fails nor refuses it. Where that cannot be
/// told of the whole call, the choice is an error of the call: its rows are then asked about in smaller parts.
fn choose<A: Refusing>(new: Result<A, CallError>, old: Option<A>, rows: usize) -> Chosen<A> {
    let Some(old) = old else {
        let halve = new.as_ref().ok().and_then(|answer| answer.rejected().first()).filter(|_| rows > 1);
        let halve = halve.map(|first| CallError::Call(first.reason.clone()));
        return Chosen::New(halve.map_or(new, Err));
    };
    let reason = match &new {
        Err(error) => old.rejected().is_empty().then(|| error.to_string()),
        Ok(answer) => {
            let is_new = |row: &&RejectedRow| old.rejected().binary_search_by_key(&row.row, |old| old.row).is_err();
            answer.rejected().iter().find(is_new).map(|row| row.reason.clone())
        }
    };
    match reason {
        Some(reason) => Chosen::Old { answer: old, instead_of: new, reason },
        None => Chosen::New(new),
    }
}
