//! Slots of keys that are close together, as ids that are counted up: an array for each page of consecutive keys. Finding a key is two
//! reads, and keys that follow one another share a cache line. Refuses a key that would leave its pages nearly empty.

const BITS: u32 = 7;
/// Consecutive keys of a page.
const PAGE: usize = 1 << BITS;
/// Where a page has no slot.
const VACANT: u32 = u32::MAX;
/// Of a page that is in use, so many keys are there at least, on average; then they take less memory than in a hash table.
const KEYS_PER_PAGE_MIN: usize = PAGE / 8;
/// Pages that may be emptier than that.
const SPARSE_PAGES_MAX: usize = 8;
/// Entries of the directory for each page in use, at most.
const SPAN_PER_PAGE_MAX: i64 = 16;

/// Slots by key, for as long as keys are close together.
#[derive(Debug)]
pub(super) struct KeyPages {
    /// The number of the page that the directory begins with; a key's page has the number `key >> BITS`.
    first: i64,
    /// Where the pages are that follow one another from `first` on.
    directory: Vec<u32>,
    /// The first is of the keys that are in no page, and stays vacant.
    pages: Vec<[u32; PAGE]>,
    /// How many keys each page has.
    keys_of_page: Vec<u8>,
    /// Pages that are free.
    free: Vec<u32>,
    keys: usize,
}

impl KeyPages {
    fn new() -> Self {
        let (pages, keys_of_page) = (vec![[VACANT; PAGE]], vec![0]);
        Self { first: 0, directory: Vec::new(), pages, keys_of_page, free: Vec::new(), keys: 0 }
    }

    /// Of keys that differ; `None` if they are not close together.
    pub(super) fn of(entries: impl Iterator<Item = (i64, u32)> + Clone) -> Option<Self> {
        let numbers = entries.clone().map(|(key, _)| key >> BITS);
        let (least, greatest, count) =
            numbers.clone().fold((i64::MAX, i64::MIN, 0), |(least, greatest, count), number| {
                (least.min(number), greatest.max(number), count + 1)
            });
        let span = usize::try_from(greatest.checked_sub(least)? + 1).ok()?;
        let pages_max = SPARSE_PAGES_MAX + count / KEYS_PER_PAGE_MIN;
        if span > pages_max * SPAN_PER_PAGE_MAX as usize {
            return None;
        }
        let mut is_used = vec![false; span];
        numbers.for_each(|number| is_used[(number - least) as usize] = true);
        if is_used.into_iter().filter(|used| *used).count() > pages_max {
            return None;
        }
        let mut pages = Self { first: least, directory: vec![0; span], ..Self::new() };
        for (key, slot) in entries {
            pages.put(key, slot);
        }
        Some(pages)
    }

    #[inline]
    pub(super) fn get(&self, key: i64) -> Option<u32> {
        let page = *self.directory.get(self.place(key))?;
        let slot = self.pages[page as usize][key as usize % PAGE];
        (slot != VACANT).then_some(slot)
    }

    /// Adds a key that it does not have. `false`: it is too far from the others, and was not added.
    pub(super) fn insert(&mut self, key: i64, slot: u32) -> bool {
        if self.directory.get(self.place(key)).is_none_or(|page| *page == 0) {
            let in_use = self.pages.len() - 1 - self.free.len();
            let too_empty = in_use >= SPARSE_PAGES_MAX + self.keys / KEYS_PER_PAGE_MIN;
            if too_empty || self.place(key) >= self.directory.len() && !self.move_directory(key >> BITS, in_use) {
                return false;
            }
        }
        self.put(key, slot);
        true
    }

    /// Removes a key, if that is its slot.
    pub(super) fn remove(&mut self, key: i64, slot: u32) -> bool {
        if self.get(key) != Some(slot) {
            return false;
        }
        let place = self.place(key);
        let page = self.directory[place];
        self.pages[page as usize][key as usize % PAGE] = VACANT;
        self.keys_of_page[page as usize] -= 1;
        self.keys -= 1;
        if self.keys_of_page[page as usize] == 0 {
            self.directory[place] = 0;
            self.free.push(page);
        }
        true
    }

    /// All keys with their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, u32)> + Clone {
        let pages = (self.first..).zip(&self.directory).filter(|(_, page)| **page > 0);
        pages.flat_map(|(number, page)| {
            let keys = (0..PAGE as i64).map(move |key| number << BITS | key);
            keys.zip(self.pages[*page as usize]).filter(|(_, slot)| *slot != VACANT)
        })
    }

    pub(super) fn len(&self) -> usize {
        self.keys
    }

    /// Forgets all keys; the memory is kept.
    pub(super) fn clear(&mut self) {
        self.directory.clear();
        self.pages.truncate(1);
        self.keys_of_page.truncate(1);
        self.free.clear();
        self.keys = 0;
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        let pages = self.pages.capacity() * size_of::<[u32; PAGE]>() + self.keys_of_page.capacity();
        (pages + (self.directory.capacity() + self.free.capacity()) * size_of::<u32>()) as u64
    }

    /// The place of a key's page in the directory; beyond its end if it is not there.
    #[inline]
    fn place(&self, key: i64) -> usize {
        (key >> BITS).wrapping_sub(self.first) as u64 as usize
    }

    /// Adds a key whose page is in the directory.
    fn put(&mut self, key: i64, slot: u32) {
        let place = self.place(key);
        if self.directory[place] == 0 {
            self.directory[place] = self.free.pop().unwrap_or_else(|| {
                self.pages.push([VACANT; PAGE]);
                self.keys_of_page.push(0);
                (self.pages.len() - 1) as u32
            });
        }
        let page = self.directory[place] as usize;
        self.pages[page][key as usize % PAGE] = slot;
        self.keys_of_page[page] += 1;
        self.keys += 1;
    }

    /// Has the directory reach from the first page in use to the last and to the one of this number, and as far again in its direction.
    /// `false`: that would be too far.
    fn move_directory(&mut self, number: i64, in_use: usize) -> bool {
        let is_used = |page: &u32| *page > 0;
        let used = self.directory.iter().position(is_used).zip(self.directory.iter().rposition(is_used));
        let (from, to) = used.map_or((number, number), |(a, b)| (self.first + a as i64, self.first + b as i64));
        let (least, greatest) = (from.min(number), to.max(number));
        let span = greatest - least + 1;
        if span > SPAN_PER_PAGE_MAX * (SPARSE_PAGES_MAX + in_use) as i64 {
            return false;
        }
        let first = if number < from { least - span } else { least };
        let mut directory = vec![0; 2 * span as usize];
        for (number, page) in (self.first..).zip(&self.directory).filter(|(_, page)| is_used(page)) {
            directory[(number - first) as usize] = *page;
        }
        (self.first, self.directory) = (first, directory);
        true
    }
}
