//! CloudWatch's `GetMetricData`, in the CBOR the service speaks now.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use minicbor::data::{IanaTag, Tag, Type};
use minicbor::{Decoder, Encoder};
use serde_json::{Map, Value};

use super::function::Function;
use super::{Call, respond};

/// The service refuses more queries in one call.
const MOST_QUERIES: usize = 500;
/// How deep a request may nest before we stop reading it.
const MOST_DEPTH: u32 = 16;
/// Points of one series in one answer.
const MOST_POINTS: i64 = 2_000;
const SIX_HOURS: i64 = 21_600;

type Encoding = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

/// Answers one call, named by its path.
pub fn answer(call: &Call<'_>, path: &str) -> Response<Body> {
    if !path.ends_with("/operation/GetMetricData") {
        return error(StatusCode::NOT_FOUND, "UnknownOperationException", path);
    }
    let Ok(asked) = value(&mut Decoder::new(call.body), 0) else {
        return error(StatusCode::BAD_REQUEST, "SerializationException", "the body is not CBOR");
    };
    let queries = asked["MetricDataQueries"].as_array().map(Vec::as_slice).unwrap_or_default();
    if queries.is_empty() || queries.len() > MOST_QUERIES {
        return error(StatusCode::BAD_REQUEST, "ValidationError", "between 1 and 500 queries are allowed");
    }
    let span = (seconds(&asked["StartTime"]), seconds(&asked["EndTime"]));
    let results: Vec<Series> = queries.iter().flat_map(|query| answer_query(call, query, span)).collect();
    let mut encoder = Encoder::new(Vec::new());
    match write(&mut encoder, &results) {
        Ok(()) => cbor(StatusCode::OK, encoder.into_writer()),
        Err(_) => error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceFault", "not encodable"),
    }
}

/// An error as the service sends it.
pub fn error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let mut encoder = Encoder::new(Vec::new());
    let written = encoder
        .map(2)
        .and_then(|e| e.str("__type"))
        .and_then(|e| e.str(code))
        .and_then(|e| e.str("message"))
        .and_then(|e| e.str(message))
        .is_ok();
    let body = if written { encoder.into_writer() } else { Vec::new() };
    let mut response = cbor(status, body);
    if let Ok(value) = format!("{code};Sender").parse() {
        response.headers_mut().insert("x-amzn-query-error", value);
    }
    response
}

fn cbor(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = respond(status, "application/cbor", body);
    response.headers_mut().insert("smithy-protocol", axum::http::HeaderValue::from_static("rpc-v2-cbor"));
    response
}

struct Series {
    id: String,
    label: String,
    points: Vec<(i64, f64)>,
}

fn answer_query(call: &Call<'_>, query: &Value, span: (i64, i64)) -> Vec<Series> {
    let id = query["Id"].as_str().unwrap_or_default();
    if let Some(expression) = query["Expression"].as_str() {
        let period = query["Period"].as_i64().unwrap_or(SIX_HOURS);
        return every_function(call, id, expression, period, span);
    }
    let (stat, metric) = (&query["MetricStat"], &query["MetricStat"]["Metric"]);
    let dimensions = metric["Dimensions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let name =
        dimensions.iter().find(|one| one["Name"] == "FunctionName").and_then(|one| one["Value"].as_str());
    let metric = metric["MetricName"].as_str().unwrap_or_default();
    let found = name.and_then(|name| Function::find(call.estate, call.account, call.region, name));
    let points = found.map(|one| series(&one, metric, stat["Period"].as_i64().unwrap_or(SIX_HOURS), span));
    let label = query["Label"].as_str().unwrap_or(metric).to_string();
    vec![Series { id: id.into(), label, points: points.unwrap_or_default() }]
}

/// `SELECT … GROUP BY FunctionName`: one series a function, at most 500 as in the service.
fn every_function(call: &Call<'_>, id: &str, text: &str, period: i64, span: (i64, i64)) -> Vec<Series> {
    let metric = text.split(['(', ')']).nth(1).unwrap_or_default().trim_matches('"');
    let total = call.estate.functions(call.account, call.region).min(MOST_QUERIES as u64);
    (0..total)
        .map(|index| Function::new(call.estate, call.account, call.region, index))
        .map(|one| Series {
            id: id.into(),
            label: one.service.to_string(),
            points: series(&one, metric, period, span),
        })
        .filter(|one| !one.points.is_empty())
        .collect()
}

/// The points of one metric of a function, newest first as the service sorts them.
fn series(function: &Function<'_>, metric: &str, period: i64, (start, end): (i64, i64)) -> Vec<(i64, f64)> {
    let Some((daily, longest)) = function.activity() else {
        return Vec::new();
    };
    let period = period.max(60);
    let share = period as f64 / 86_400.0;
    let point = match metric {
        "Invocations" => (daily * share).ceil(),
        "Duration" => longest,
        "Errors" | "Throttles" => (daily * share / 250.0).floor(),
        "ConcurrentExecutions" => (daily / 20_000.0).ceil(),
        _ => return Vec::new(),
    };
    let first = start.div_euclid(period) * period;
    let count = ((end - first).max(0) / period).clamp(0, MOST_POINTS);
    (0..count.max(1)).rev().map(|index| (first + index * period, point)).collect()
}

/// Whole seconds of a time, which may come as a float.
fn seconds(value: &Value) -> i64 {
    let float = value.as_f64().map(|float| format!("{:.0}", float.floor()));
    value.as_i64().or_else(|| float?.parse().ok()).unwrap_or_default()
}

fn write(encoder: &mut Encoder<Vec<u8>>, results: &[Series]) -> Encoding {
    encoder.map(2)?.str("Messages")?.array(0)?.str("MetricDataResults")?.array(results.len() as u64)?;
    for result in results {
        encoder.map(5)?.str("Id")?.str(&result.id)?.str("Label")?.str(&result.label)?;
        encoder.str("StatusCode")?.str("Complete")?.str("Timestamps")?.array(result.points.len() as u64)?;
        for (time, _) in &result.points {
            encoder.tag(IanaTag::Timestamp)?.i64(*time)?;
        }
        encoder.str("Values")?.array(result.points.len() as u64)?;
        for (_, value) in &result.points {
            encoder.f64(*value)?;
        }
    }
    Ok(())
}

/// Reads any CBOR item the service's requests are made of.
fn value(decoder: &mut Decoder<'_>, depth: u32) -> Result<Value, minicbor::decode::Error> {
    if depth > MOST_DEPTH {
        return Err(minicbor::decode::Error::message("nested too deep"));
    }
    Ok(match decoder.datatype()? {
        Type::Map | Type::MapIndef => Value::Object(map(decoder, depth)?),
        Type::Array | Type::ArrayIndef => Value::Array(array(decoder, depth)?),
        Type::String => decoder.str()?.into(),
        Type::StringIndef => decoder.str_iter()?.collect::<Result<String, _>>()?.into(),
        Type::Bool => decoder.bool()?.into(),
        Type::F16 | Type::F32 | Type::F64 => decoder.f64()?.into(),
        Type::Tag => {
            let _: Tag = decoder.tag()?;
            value(decoder, depth + 1)?
        }
        Type::Null | Type::Undefined => {
            decoder.skip()?;
            Value::Null
        }
        _ => decoder.i64()?.into(),
    })
}

fn map(decoder: &mut Decoder<'_>, depth: u32) -> Result<Map<String, Value>, minicbor::decode::Error> {
    let mut found = Map::new();
    let mut left = decoder.map()?;
    while more(decoder, &mut left)? {
        let key = decoder.str()?.to_string();
        found.insert(key, value(decoder, depth + 1)?);
    }
    Ok(found)
}

fn array(decoder: &mut Decoder<'_>, depth: u32) -> Result<Vec<Value>, minicbor::decode::Error> {
    let mut found = Vec::new();
    let mut left = decoder.array()?;
    while more(decoder, &mut left)? {
        found.push(value(decoder, depth + 1)?);
    }
    Ok(found)
}

/// Whether another item follows, in a container of known or of open length.
fn more(decoder: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, minicbor::decode::Error> {
    match left {
        Some(0) => Ok(false),
        Some(count) => {
            *count -= 1;
            Ok(true)
        }
        None if decoder.datatype()? == Type::Break => {
            decoder.skip()?;
            Ok(false)
        }
        None => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = value(&mut Decoder::new(&bytes), 0);
        }
    }
}
