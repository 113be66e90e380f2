//! How the closed lists of the model are described: as the words they are spelt with.

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::model::{
    Area, ExceptionKind, ExceptionState, Family, Kind, Permission, Platform, Provider, Severity, TicketState,
    TrackerKind, Verdict, WebhookEvent, WebhookForm,
};

macro_rules! words {
    ($($list:ident)*) => {$(
        impl PartialSchema for $list {
            fn schema() -> RefOr<Schema> {
                let words = Self::ALL.iter().map(|one| one.code());
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
            }
        }
        impl ToSchema for $list {}
    )*};
}

words! { Area ExceptionKind ExceptionState Family Kind Permission Platform Provider Severity TicketState TrackerKind Verdict WebhookEvent WebhookForm }
