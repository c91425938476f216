//! How results look: text for people, JSON for programs.
//!
//! Text is styled always; whoever prints it takes the styles out where they are not wanted.

pub mod biggest;
pub mod chain;
pub mod export;
pub mod growth;
pub mod info;
pub mod json;
pub mod leaks;
pub mod new_objects;
pub(crate) mod number;
pub mod rows;
pub mod schema;
pub mod series;
pub mod show;
mod style;
pub mod survivors;
pub mod suspects;
mod table;
mod time_columns;
pub mod top;
pub mod verify;

/// How wide text may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// It is fitted to a terminal of so many columns.
    Columns(u16),
    /// Nothing is cut or wrapped.
    Unlimited,
}

impl Width {
    /// Cuts the middle of a text that is too long for what is left of a line beside `beside` columns.
    pub(crate) fn fit(self, text: &str, beside: usize) -> String {
        const SHORTEST: usize = 24;
        let Width::Columns(columns) = self else {
            return text.to_owned();
        };
        let room = usize::from(columns).saturating_sub(beside).max(SHORTEST);
        let length = text.chars().count();
        if length <= room {
            return text.to_owned();
        }
        // The end says what it is, the beginning where it hangs.
        let tail = (room - 1) / 2;
        let head = room - 1 - tail;
        let beginning: String = text.chars().take(head).collect();
        let end: String = text.chars().skip(length - tail).collect();
        format!("{beginning}…{end}")
    }
}

#[cfg(test)]
mod tests {
    use super::Width;

    #[test]
    fn the_middle_of_what_is_too_long_is_left_out() {
        let text = "abcdefghijklmnopqrstuvwxyz0123456789";
        assert_eq!(Width::Columns(34).fit(text, 10), "abcdefghijkl…z0123456789");
        assert_eq!(Width::Columns(46).fit(text, 10), text);
        assert_eq!(Width::Unlimited.fit(text, 10), text);
    }
}
