//! A part of a long list.

/// A part of a long list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// So many entries are left out at the beginning.
    pub offset: usize,
    /// At most so many follow.
    pub limit: usize,
}

impl Page {
    /// The beginning of a list.
    pub fn first(limit: usize) -> Page {
        Page { offset: 0, limit }
    }

    /// What of a list is on the page.
    pub fn of<'t, T>(&self, list: &'t [T]) -> &'t [T] {
        let begin = self.offset.min(list.len());
        &list[begin..self.end().min(list.len())]
    }

    /// Where in a list the page ends, if that is long enough.
    pub(super) fn end(&self) -> usize {
        self.offset.saturating_add(self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn a_page_is_what_there_is_of_it() {
        let list = [0, 1, 2, 3, 4];
        let page = |offset, limit| Page { offset, limit }.of(&list).to_vec();
        assert_eq!(page(0, 2), [0, 1]);
        assert_eq!(page(3, 2), [3, 4]);
        assert_eq!(page(4, usize::MAX), [4]);
        assert!(page(usize::MAX, 2).is_empty());
        assert!(Page::first(0).of(&list).is_empty());
    }
}
