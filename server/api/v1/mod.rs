//! Version 1: one file a resource. Within it fields and operations are only added.

mod assets;
mod audit;
mod comparison;
mod connection_changes;
mod connections;
mod controls;
mod deliveries;
mod exception_preview;
mod exceptions;
mod export;
mod findings;
mod runs;
mod scores;
mod sources;
mod ticket_notes;
mod tickets;
mod trackers;
mod webhooks;

use utoipa_axum::routes;

use super::document;
use super::rooms::Rooms;
use crate::model::Permission::{Accept, Audit, Configure, Connect, Read, Run, Ticket};

/// Every operation with its scope.
pub fn rooms() -> Rooms {
    outward(Rooms::under(document::general()))
        .add(Read, routes!(findings::list))
        .add(Read, routes!(export::findings))
        .add(Read, routes!(findings::get))
        .add(Read, routes!(assets::list))
        .add(Read, routes!(assets::get))
        .add(Read, routes!(controls::list))
        .add(Read, routes!(controls::get))
        .add(Read, routes!(comparison::get))
        .add(Read, routes!(scores::list))
        .add(Read, routes!(connections::list))
        .add(Read, routes!(connections::get))
        .add(Read, routes!(connections::gaps))
        .add(Connect, routes!(connection_changes::create))
        .add(Connect, routes!(connection_changes::change))
        .add(Connect, routes!(connection_changes::remove))
        .add(Connect, routes!(connection_changes::test))
        .add(Read, routes!(runs::list))
        .add(Read, routes!(runs::get))
        .add(Run, routes!(runs::start))
        .add(Read, routes!(exceptions::list))
        .add(Accept, routes!(exceptions::make))
        .add(Accept, routes!(exception_preview::preview))
        .add(Read, routes!(exceptions::get))
        .add(Accept, routes!(exceptions::change))
        .add(Accept, routes!(exceptions::revoke))
        .add(Read, routes!(tickets::list))
        .add(Ticket, routes!(tickets::open))
        .add(Ticket, routes!(tickets::preview))
        .add(Read, routes!(tickets::get))
        .add(Ticket, routes!(tickets::change))
        .add(Read, routes!(ticket_notes::notes))
        .add(Ticket, routes!(ticket_notes::comment))
        .add(Ticket, routes!(ticket_notes::refer))
        .add(Audit, routes!(audit::list))
}

/// Who outside is told, and where tickets are kept beside ours.
fn outward(rooms: Rooms) -> Rooms {
    rooms
        .add(Configure, routes!(trackers::list))
        .add(Configure, routes!(trackers::make))
        .add(Configure, routes!(trackers::get))
        .add(Configure, routes!(trackers::replace))
        .add(Configure, routes!(trackers::remove))
        .add(Configure, routes!(trackers::check))
        .add(Ticket, routes!(trackers::send))
        .add(Configure, routes!(webhooks::list))
        .add(Configure, routes!(webhooks::make))
        .add(Configure, routes!(webhooks::get))
        .add(Configure, routes!(webhooks::change))
        .add(Configure, routes!(webhooks::remove))
        .add(Configure, routes!(webhooks::rotate))
        .add(Configure, routes!(webhooks::test))
        .add(Configure, routes!(deliveries::list))
        .add(Configure, routes!(deliveries::replay))
}
