//! InfluxDB's query API (v2), in Flux, answered in annotated CSV.

use crate::credential::Token;
use crate::gauge::ask::Ask;
use crate::gauge::ask::Read;
use crate::gauge::ask::Request;
use crate::port::PortError;
use csv::StringRecord;
use serde_json::json;

/// The Secret has a `token` and an `org`.
pub(super) fn request(ask: &Ask<'_>) -> Result<Request, PortError> {
    let url = ask.url(&ask.query.provider.address, "/api/v2/query")?;
    let body = json!({
        "query": ask.query.query,
        "type": "flux",
        "dialect": {"annotations": ["datatype", "group", "default"], "delimiter": ",", "header": true},
    });
    let request = Request::post(url, "application/json", body.to_string().into_bytes());
    if ask.secret.is_none() {
        return Ok(request);
    }
    let org = ask.credential("org")?;
    let token = format!("Token {}", ask.credential("token")?.secret());
    Ok(request
        .query(&[("org", org.secret())])
        .header("authorization", Token::new(token)))
}

/// The tables of an answer, as far as they have been read.
#[derive(Default)]
struct Table {
    types: StringRecord,
    defaults: StringRecord,
    header: Option<StringRecord>,
}

/// The `_value` of the first record, as Flagger takes it; no record is no data (with Flagger it is a 0).
pub(super) fn read(body: &[u8]) -> Read {
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = reader.has_headers(false).flexible(true).from_reader(body);
    let mut table = Table::default();
    for record in reader.records() {
        let record = record.map_err(|e| format!("the answer is not CSV: {e}"))?;
        match record.get(0) {
            Some("#datatype") => {
                table = Table {
                    types: record,
                    ..Table::default()
                };
            }
            Some("#default") => table.defaults = record,
            Some(annotation) if annotation.starts_with('#') => {}
            _ if table.header.is_none() => table.header = Some(record),
            _ => return table.value(&record),
        }
    }
    if table.header.is_none() && !body.trim_ascii().is_empty() {
        return Err("the answer has no table: not InfluxDB's?".to_owned());
    }
    Ok(None)
}

impl Table {
    fn column(&self, name: &str) -> Option<usize> {
        self.header.as_ref()?.iter().position(|column| column == name)
    }

    fn value(&self, record: &StringRecord) -> Read {
        if let (Some(error), Some(_)) = (self.column("error"), self.column("reference")) {
            return Err(format!(
                "InfluxDB says: {}",
                record.get(error).unwrap_or_default()
            ));
        }
        let column = self.column("_value").ok_or("the answer has no _value")?;
        let given = record.get(column).filter(|text| !text.is_empty());
        let Some(text) = given
            .or_else(|| self.defaults.get(column))
            .filter(|text| !text.is_empty())
        else {
            return Ok(None);
        };
        match self.types.get(column) {
            None | Some("double" | "long" | "unsignedLong") => {
                let number = text.parse().map_err(|_| format!("{text:?} is not a number"))?;
                Ok(Some(number))
            }
            Some(other) => Err(format!("_value is a {other}, not a number")),
        }
    }
}
