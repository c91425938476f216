//! Values for the parameters of statements.

use std::str::FromStr;

use rusqlite::Statement;
use rusqlite::types::Value;
use serde_json::Value as Json;

use crate::command::CannotStart;

/// Values by name, or by position.
#[derive(Clone, Debug)]
pub(in crate::command) enum Parameters {
    /// For `:name`, `@name` and `$name`.
    Named(Vec<(String, Value)>),
    /// For `?`, in their order, and for `?2`.
    Positional(Vec<Value>),
}

/// None.
impl Default for Parameters {
    fn default() -> Parameters {
        Parameters::Positional(Vec::new())
    }
}

impl Parameters {
    /// Gives a statement its values.
    ///
    /// # Errors
    /// It has a parameter that there is no value for. SQLite would take NULL, and nothing would be found.
    pub(super) fn bind(&self, statement: &mut Statement<'_>) -> anyhow::Result<()> {
        for number in 1..=statement.parameter_count() {
            let name = statement.parameter_name(number).map(str::to_owned);
            let value = match (self, &name) {
                (Parameters::Positional(values), _) => values.get(number - 1),
                (Parameters::Named(values), Some(name)) => values
                    .iter()
                    .find(|(known, _)| *known == name[1..])
                    .map(|(_, value)| value),
                (Parameters::Named(_), None) => None,
            };
            let value = value.ok_or_else(|| CannotStart::NoValue {
                parameter: name.unwrap_or_else(|| format!("?{number}")),
            })?;
            statement.raw_bind_parameter(number, value)?;
        }
        Ok(())
    }
}

impl FromStr for Parameters {
    type Err = String;

    fn from_str(text: &str) -> Result<Parameters, String> {
        match serde_json::from_str(text) {
            Ok(Json::Object(values)) => {
                let values = values
                    .into_iter()
                    .map(|(name, json)| Ok((name, value(json)?)));
                Ok(Parameters::Named(values.collect::<Result<_, String>>()?))
            }
            Ok(Json::Array(values)) => {
                let values: Result<_, String> = values.into_iter().map(value).collect();
                Ok(Parameters::Positional(values?))
            }
            Ok(_) => Err("neither an object nor an array".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn value(json: Json) -> Result<Value, String> {
    match json {
        Json::Null => Ok(Value::Null),
        Json::Bool(truth) => Ok(truth.into()),
        Json::String(text) => Ok(text.into()),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Ok(integer.into()),
            // What is greater than any address of a user.
            (None, _) if number.is_u64() => {
                Err(format!("{number} is no integer of 64 bits with sign"))
            }
            (None, Some(real)) => Ok(real.into()),
            (None, None) => Err(format!("{number} is no number that SQLite knows")),
        },
        Json::Array(_) | Json::Object(_) => {
            Err("a value is a text, a number, a truth value or null".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn answer(query: &str, parameters: &str) -> anyhow::Result<String> {
        let parameters: Parameters = parameters.parse().map_err(anyhow::Error::msg)?;
        let connection = Connection::open_in_memory()?;
        let mut statement = connection.prepare(query)?;
        parameters.bind(&mut statement)?;
        let mut rows = statement.raw_query();
        Ok(rows.next()?.expect("a row").get(0)?)
    }

    #[test]
    fn values_keep_their_kind() {
        let kinds = "SELECT typeof(?) || typeof(?) || typeof(?) || typeof(?) || typeof(?)";
        let found = answer(kinds, r#"["1", 1, 1.5, null, true]"#).expect("an answer");
        assert_eq!(found, "textintegerrealnullinteger");
        // No quote ends a text.
        let found =
            answer("SELECT :a || :b || :a", r#"{"b": "\"'--", "a": "x"}"#).expect("an answer");
        assert_eq!(found, "x\"'--x");
    }

    #[test]
    fn a_parameter_without_a_value_is_named() {
        for (query, parameters, named) in [
            ("SELECT :type", r#"{"typ": 1}"#, ":type"),
            ("SELECT ? || ?", "[1]", "?2"),
            ("SELECT ?", "{}", "?1"),
        ] {
            let error = answer(query, parameters).expect_err("an error").to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for text in ["3", "[[1]]", r#"{"a": {}}"#, "[18446744073709551615]", "[1"] {
            assert!(text.parse::<Parameters>().is_err(), "{text}");
        }
    }
}
