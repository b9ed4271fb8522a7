//! The queue in front of a subtask: bounded channels, each with one sender and room of its own, and one receiver that waits for all of
//! them at once and may leave some closed. It never looks into what it carries, and reads no clock.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The receiving end of all channels.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    shared: Arc<Shared<T>>,
}

/// The sending end of one channel.
#[derive(Debug)]
pub(crate) struct InboxSender<T> {
    channel: usize,
    shared: Arc<Shared<T>>,
}

/// Why an element was not put into a channel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TrySendError<T> {
    /// There is no room; here it is again.
    Full(T),
    /// The receiver is gone.
    Disconnected,
}

/// The other end is gone, and nothing is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Disconnected;

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    /// Something has come that the receiver may take, or a sender is gone.
    filled: Condvar,
    /// By channel: there is room, or the receiver is gone.
    freed: Vec<Condvar>,
    room: Room<T>,
}

#[derive(Debug)]
struct State<T> {
    channels: Vec<Channel<T>>,
    /// A channel for each element, in the order in which they came, those of parked channels apart.
    order: VecDeque<usize>,
    /// Channels whose elements were skipped because they were closed.
    parked: Vec<usize>,
    /// Channels without a sender.
    senderless: Vec<usize>,
    receiver_waits: bool,
    receiver_is_gone: bool,
}

#[derive(Debug)]
struct Channel<T> {
    /// With the bytes of each.
    elements: VecDeque<(T, u64)>,
    bytes: u64,
    is_parked: bool,
    sender_waits: bool,
}

/// What a channel holds at most. One element it always holds, however large.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room<T> {
    pub(crate) elements: usize,
    pub(crate) bytes: u64,
    /// How many bytes an element has.
    pub(crate) bytes_of: fn(&T) -> u64,
}

/// An inbox with so many channels, and their senders.
pub(crate) fn inbox<T>(channels: usize, room: Room<T>) -> (Vec<InboxSender<T>>, Inbox<T>) {
    let elements = || VecDeque::with_capacity(room.elements);
    let channel = |_| Channel { elements: elements(), bytes: 0, is_parked: false, sender_waits: false };
    let state = State {
        channels: (0..channels).map(channel).collect(),
        order: VecDeque::new(),
        parked: Vec::new(),
        senderless: Vec::new(),
        receiver_waits: false,
        receiver_is_gone: false,
    };
    let freed = (0..channels).map(|_| Condvar::new()).collect();
    let shared = Arc::new(Shared { state: Mutex::new(state), filled: Condvar::new(), freed, room });
    let sender = |channel| InboxSender { channel, shared: shared.clone() };
    ((0..channels).map(sender).collect(), Inbox { shared })
}

impl<T> Inbox<T> {
    /// The next element of an open channel, with its channel: of one channel in order, and of several the one that came first.
    /// Elements of channels that are not open stay where they are. `None`: there was none for so long; without a time it waits
    /// until there is one.
    ///
    /// # Errors
    /// If there is none, and the sender of an open channel is gone.
    pub(crate) fn receive(
        &self,
        is_open: impl Fn(usize) -> bool,
        wait: Option<Duration>,
    ) -> Result<Option<(usize, T)>, Disconnected> {
        let mut state = self.shared.lock();
        state.unpark(&is_open);
        let mut timed_out = false;
        loop {
            if let Some((channel, element)) = state.take(&is_open) {
                let Channel { elements, sender_waits, .. } = &mut state.channels[channel];
                // Not for every element: a thread that is woken for one has hardly begun when it must wait again.
                if elements.len() <= self.shared.room.elements / 2 && std::mem::take(sender_waits) {
                    self.shared.freed[channel].notify_one();
                }
                return Ok(Some((channel, element)));
            }
            if state.senderless.iter().any(|channel| is_open(*channel)) {
                return Err(Disconnected);
            }
            if timed_out {
                return Ok(None);
            }
            state.receiver_waits = true;
            state = match wait {
                None => self.shared.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(wait) => {
                    let waited = self.shared.filled.wait_timeout(state, wait);
                    let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                    timed_out = timeout.timed_out();
                    state
                }
            };
            state.receiver_waits = false;
        }
    }
}

impl<T> Drop for Inbox<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.receiver_is_gone = true;
        state.channels.iter_mut().for_each(|channel| channel.elements.clear());
        drop(state);
        self.shared.freed.iter().for_each(Condvar::notify_all);
    }
}

impl<T> InboxSender<T> {
    /// Puts an element into the channel, if there is room.
    ///
    /// # Errors
    /// If there is none, or the receiver is gone.
    pub(crate) fn try_send(&self, element: T) -> Result<(), TrySendError<T>> {
        let state = self.shared.lock();
        if state.receiver_is_gone {
            return Err(TrySendError::Disconnected);
        }
        if self.is_full(&state) {
            return Err(TrySendError::Full(element));
        }
        self.push(state, element);
        Ok(())
    }

    /// Puts an element into the channel, when there is room.
    ///
    /// # Errors
    /// If the receiver is gone.
    pub(crate) fn send(&self, element: T) -> Result<(), Disconnected> {
        let mut state = self.shared.lock();
        let mut must_wait = self.is_full(&state);
        while must_wait && !state.receiver_is_gone {
            state.channels[self.channel].sender_waits = true;
            state = self.shared.freed[self.channel].wait(state).unwrap_or_else(PoisonError::into_inner);
            must_wait = self.is_full(&state);
        }
        if state.receiver_is_gone {
            return Err(Disconnected);
        }
        self.push(state, element);
        Ok(())
    }

    fn is_full(&self, state: &State<T>) -> bool {
        let (Channel { elements, bytes, .. }, room) = (&state.channels[self.channel], &self.shared.room);
        elements.len() >= room.elements || (*bytes >= room.bytes && !elements.is_empty())
    }

    fn push(&self, mut state: MutexGuard<'_, State<T>>, element: T) {
        let bytes = (self.shared.room.bytes_of)(&element);
        let channel = &mut state.channels[self.channel];
        channel.elements.push_back((element, bytes));
        channel.bytes += bytes;
        if !channel.is_parked {
            state.order.push_back(self.channel);
            let wakes = state.receiver_waits;
            drop(state);
            if wakes {
                self.shared.filled.notify_one();
            }
        }
    }
}

impl<T> Drop for InboxSender<T> {
    fn drop(&mut self) {
        self.shared.lock().senderless.push(self.channel);
        self.shared.filled.notify_one();
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    /// Elements of channels that are open again wait for their turn, after what waits already.
    fn unpark(&mut self, is_open: &impl Fn(usize) -> bool) {
        let Self { channels, order, parked, .. } = self;
        parked.retain(|channel| {
            let is_open = is_open(*channel);
            if is_open {
                channels[*channel].is_parked = false;
                order.extend(std::iter::repeat_n(*channel, channels[*channel].elements.len()));
            }
            !is_open
        });
    }

    fn take(&mut self, is_open: &impl Fn(usize) -> bool) -> Option<(usize, T)> {
        while let Some(number) = self.order.pop_front() {
            let channel = &mut self.channels[number];
            if is_open(number) {
                let (element, bytes) = channel.elements.pop_front()?;
                channel.bytes -= bytes;
                return Some((number, element));
            }
            channel.is_parked = true;
            self.parked.push(number);
            self.order.retain(|other| *other != number);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(1);

    fn room<T>(elements: usize) -> Room<T> {
        Room { elements, bytes: u64::MAX, bytes_of: |_| 1 }
    }

    #[test]
    fn a_channel_holds_so_many_bytes_and_always_one_element() {
        let (senders, inbox) = inbox(1, Room { elements: 4, bytes: 100, bytes_of: |bytes: &u64| *bytes });
        senders[0].try_send(1000).unwrap();
        assert_eq!(senders[0].try_send(1), Err(TrySendError::Full(1)));
        assert_eq!(inbox.receive(|_| true, None), Ok(Some((0, 1000))));
        senders[0].try_send(99).unwrap();
        senders[0].try_send(50).unwrap();
        assert_eq!(senders[0].try_send(1), Err(TrySendError::Full(1)));
        assert_eq!(inbox.receive(|_| true, None), Ok(Some((0, 99))));
        senders[0].try_send(1).unwrap();
    }

    #[test]
    fn elements_come_in_the_order_in_which_they_were_sent() {
        let (senders, inbox) = inbox(2, room(4));
        for (channel, element) in [(0, 'a'), (1, 'b'), (0, 'c')] {
            senders[channel].try_send(element).unwrap();
        }
        let received: Vec<_> = (0..3).map(|_| inbox.receive(|_| true, None).unwrap().unwrap()).collect();
        assert_eq!(received, [(0, 'a'), (1, 'b'), (0, 'c')]);
        assert_eq!(inbox.receive(|_| true, Some(SHORT)), Ok(None));
    }

    #[test]
    fn a_closed_channel_holds_no_other_back() {
        let (senders, inbox) = inbox(2, room(2));
        senders[0].try_send(1).unwrap();
        senders[1].try_send(2).unwrap();
        assert_eq!(inbox.receive(|channel| channel == 1, None), Ok(Some((1, 2))));
        assert_eq!(inbox.receive(|channel| channel == 1, Some(SHORT)), Ok(None));
        senders[0].try_send(3).unwrap();
        assert_eq!(senders[0].try_send(4), Err(TrySendError::Full(4)), "what was skipped takes room");
        senders[1].try_send(5).unwrap();
        assert_eq!(inbox.receive(|channel| channel == 1, None), Ok(Some((1, 5))));
        let received: Vec<_> = (0..2).map(|_| inbox.receive(|_| true, None).unwrap().unwrap()).collect();
        assert_eq!(received, [(0, 1), (0, 3)]);
    }

    #[test]
    fn what_a_sender_left_is_received_before_it_is_missed() {
        let (mut senders, inbox) = inbox(2, room(2));
        senders[0].try_send(1).unwrap();
        drop(senders.remove(0));
        assert_eq!(inbox.receive(|_| true, None), Ok(Some((0, 1))));
        assert_eq!(inbox.receive(|channel| channel == 1, Some(SHORT)), Ok(None), "nobody waits for it");
        assert_eq!(inbox.receive(|_| true, None), Err(Disconnected));
    }

    #[test]
    fn waiting_ends_when_the_other_end_is_gone() {
        let (mut senders, inbox) = inbox::<u8>(1, room(1));
        let sender = senders.remove(0);
        sender.try_send(1).unwrap();
        let waits = thread::spawn(move || (sender.send(2), sender.try_send(3)));
        drop(inbox);
        assert_eq!(waits.join().unwrap(), (Err(Disconnected), Err(TrySendError::Disconnected)));

        let (senders, inbox) = super::inbox::<u8>(1, room(1));
        let waits = thread::spawn(move || inbox.receive(|_| true, None));
        drop(senders);
        assert_eq!(waits.join().unwrap(), Err(Disconnected));
    }

    #[test]
    fn threads_lose_and_reorder_nothing() {
        const CHANNELS: usize = 5;
        const ELEMENTS: usize = 20_000;
        let (senders, inbox) = inbox(CHANNELS, room(8));
        let send = |sender: InboxSender<usize>| {
            thread::spawn(move || {
                for element in 0..ELEMENTS {
                    if let Err(TrySendError::Full(element)) = sender.try_send(element) {
                        sender.send(element).unwrap();
                    }
                }
            })
        };
        let threads: Vec<_> = senders.into_iter().map(send).collect();
        let mut next = [0; CHANNELS];
        let mut closed = CHANNELS;
        for received in 0..CHANNELS * ELEMENTS {
            // As at a barrier: one channel after the other is closed for some elements.
            if received % 13 == 0 {
                closed = received / 13 % (CHANNELS + 1);
            }
            let others_have_more = (0..CHANNELS).any(|channel| channel != closed && next[channel] < ELEMENTS);
            let is_open = |channel| next[channel] < ELEMENTS && (channel != closed || !others_have_more);
            let (channel, element) = inbox.receive(is_open, Some(LONG)).unwrap().unwrap();
            assert_eq!(element, next[channel], "of channel {channel}");
            next[channel] += 1;
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}
