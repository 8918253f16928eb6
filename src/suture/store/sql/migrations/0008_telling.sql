-- Messages that go out: facts told to receivers, in the queue that journals have, with a watermark in the log for each receiver.

alter table delivery
    add column kind text not null default 'journal' check (kind in ('journal', 'message')),
    add column event_id text collate "C" not null default '',
    add column disclosed boolean not null default false,
    alter column payload drop not null;
comment on column delivery.payload is 'A journal as it is sent; a message sealed, null until it is first leased: then it never changes.';
comment on column delivery.event_id is 'The event that a message tells.';
comment on column delivery.disclosed is 'The message tells identifiers: it is written anew where they may no longer be told.';
create index delivery_event on delivery (event_id) where event_id <> '';
create index delivery_message_due on delivery (destination, id) where status = 'QUEUED' and kind = 'message';

create table telling_watermark (
    receiver text collate "C" not null,
    partition smallint not null,
    position bigint not null,
    queued_count bigint not null default 0,
    primary key (receiver, partition)
);
comment on table telling_watermark is 'How far in the log each receiver''s messages are queued: moved in the very statement that queues them.';
