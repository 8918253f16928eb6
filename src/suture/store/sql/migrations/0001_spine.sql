-- The spine: messages, events, the log, states, entries, journals, deliveries, work items.
-- Ids say their own lineage: msg_X -> evt_X.0001 -> ent_X.0001.01, so a prefix scan on a primary key walks it. They compare
-- by their bytes (collate "C") in every database: in most languages' order a full stop does not count.

-- What came in ---------------------------------------------------------------------------------

create table transmission (
    id text collate "C" primary key,
    source text not null,
    sealed_name bytea not null,
    sha256 bytea not null,
    bytes_count bigint not null,
    received_at timestamptz not null,
    reply_name text not null default '',
    reply bytea not null default '',
    unique (source, sha256)
);
comment on table transmission is 'A file as it came; its bytes, sealed, are in transmission_chunk.';

create table transmission_chunk (
    transmission_id text collate "C" not null references transmission,
    ordinal integer not null,
    sealed bytea not null,
    primary key (transmission_id, ordinal)
);
alter table transmission_chunk alter column sealed set storage external;

create table message (
    id text collate "C" primary key,
    source text not null,
    format text not null,
    type text not null,
    control_id text not null,
    status text not null check (status in ('accepted', 'held', 'rejected')),
    sha256 bytea not null,
    bytes_count bigint not null,
    received_at timestamptz not null,
    events_count integer not null,
    sealed bytea,
    transmission_id text collate "C" references transmission,
    bytes_offset bigint,
    reply bytea not null default ''
);
comment on column message.sealed is 'The raw bytes, sealed; null for a transaction set, which is a span of its transmission.';
alter table message alter column sealed set storage external;
create index message_received on message (received_at);
create index message_control_id on message (control_id);
create index message_transmission on message (transmission_id) where transmission_id is not null;

create table message_identity (
    identity text primary key,
    message_id text collate "C" not null,
    sha256 bytea not null
);
comment on table message_identity is 'What each message alone may say: a second holder is a duplicate, a reuse, or a duplicate trace.';

create table message_named (
    identity text not null,
    message_id text collate "C" not null,
    primary key (identity, message_id)
);
comment on table message_named is 'What messages that were held or rejected would have claimed: whoever claims it makes them good.';

create table message_repeat (
    id bigint generated always as identity primary key,
    message_id text collate "C" not null,
    received_at timestamptz not null
);
comment on table message_repeat is 'Each time a message arrived again with the same identity and the same bytes.';

create table control_total (
    message_id text collate "C" not null,
    name text not null,
    items_count bigint not null,
    amount_minor bigint not null,
    primary key (message_id, name)
);

create table vault (
    token text primary key,
    kind text not null,
    sealed bytea not null
);

-- The event log --------------------------------------------------------------------------------

create table event (
    id text collate "C" primary key,
    message_id text collate "C" not null,
    stream text not null,
    partition smallint not null,
    type text not null,
    source text not null,
    path text not null,
    stamp text not null,
    received_at_ms bigint not null,
    payload bytea not null
);
create index event_stream on event (stream);

create table inbox (
    partition smallint not null,
    seq bigint generated always as identity,
    event_id text collate "C" not null,
    primary key (partition, seq)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
comment on table inbox is 'Events that have arrived and have no position yet. The partition''s owner removes them as it places them.';

create table log (
    partition smallint not null,
    position bigint not null,
    event_id text collate "C" not null unique,
    outcome text not null check (outcome in ('posted', 'parked', 'no_effect', 'repeated')),
    release text not null,
    primary key (partition, position)
);
comment on table log is 'Each event''s place in its partition, given by the partition''s owner when it was decided: once, by the unique event.';

create table partition_lease (
    partition smallint primary key,
    epoch bigint not null default 0,
    owner text not null default '',
    until timestamptz not null default '-infinity',
    position bigint not null default 0
);

create table state (
    stream text primary key,
    version integer not null,
    record bytea not null
) with (fillfactor = 70);

-- The subledger --------------------------------------------------------------------------------

create table entry (
    id text collate "C" primary key,
    stream text not null,
    booking_key text not null,
    revision integer not null,
    event_id text collate "C" not null,
    kind text not null,
    policy text not null,
    entity text not null,
    currency text not null,
    effective_on date not null,
    accounting_on date not null,
    received_at_ms bigint not null,
    release text not null,
    reverses text collate "C" not null default '',
    principal_minor bigint not null
);
create index entry_reverses on entry (reverses) where reverses <> '';
create index entry_event on entry (event_id);
create unique index entry_once on entry (stream, booking_key, revision, (reverses <> ''));

create table entry_line (
    entry_id text collate "C" not null,
    ordinal smallint not null,
    account text not null,
    debit_minor bigint not null check (debit_minor >= 0),
    credit_minor bigint not null check (credit_minor >= 0),
    facility text not null,
    cost_centre text not null,
    service_line text not null,
    payer_class text not null,
    rule text not null,
    path text not null,
    primary key (entry_id, ordinal),
    check ((debit_minor > 0) <> (credit_minor > 0))
);

create function entry_lines_balance() returns trigger language plpgsql as $$
declare
    broken text;
begin
    select entry_id into broken from added group by entry_id
        having sum(debit_minor) <> sum(credit_minor) limit 1;
    if found then
        raise exception 'entry % does not balance', broken using errcode = 'integrity_constraint_violation';
    end if;
    return null;
end $$;
create trigger entry_lines_balance after insert on entry_line
    referencing new table as added for each statement execute function entry_lines_balance();

create function append_only() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: correct by reversal', tg_table_name
        using errcode = 'integrity_constraint_violation';
end $$;
create trigger append_only before update or delete or truncate on entry for each statement execute function append_only();
create trigger append_only before update or delete or truncate on entry_line for each statement execute function append_only();
create trigger append_only before update or delete or truncate on event for each statement execute function append_only();
create trigger append_only before update or delete or truncate on log for each statement execute function append_only();

create table unbatched (
    policy text not null,
    entity text not null,
    entry_id text collate "C" not null,
    queued_at timestamptz not null default now(),
    primary key (policy, entry_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- What goes out --------------------------------------------------------------------------------

create sequence journal_number;

create table journal (
    reference text primary key check (length(reference) <= 16),
    destination text not null,
    policy text not null,
    entity text not null,
    currency text not null,
    accounting_on date not null,
    entries_count integer not null,
    created_at timestamptz not null default now()
);

create table journal_line (
    reference text not null references journal,
    ordinal integer not null,
    account text not null,
    debit_minor bigint not null,
    credit_minor bigint not null,
    facility text not null,
    cost_centre text not null,
    service_line text not null,
    payer_class text not null,
    primary key (reference, ordinal)
);

create table journal_entry (
    entry_id text collate "C" primary key,
    reference text not null
);
create index journal_entry_reference on journal_entry (reference);

create table delivery (
    id bigint generated always as identity primary key,
    destination text not null,
    ordering_key text not null,
    idempotency_key text not null,
    payload bytea not null,
    status text not null default 'QUEUED' check (status in ('QUEUED', 'SENT', 'ERROR')),
    unknown boolean not null default false,
    attempts_count integer not null default 0,
    not_before timestamptz not null default now(),
    leased_until timestamptz not null default '-infinity',
    lease_owner text not null default '',
    document text not null default '',
    settled_at timestamptz,
    unique (destination, idempotency_key)
) with (fillfactor = 70);
comment on column delivery.unknown is 'An attempt may have reached the destination: ask by the idempotency key before sending again.';
create index delivery_document on delivery (document) where document <> '';
create index delivery_due on delivery (destination, ordering_key, id) where status = 'QUEUED';

create table delivery_attempt (
    delivery_id bigint not null references delivery,
    ordinal integer not null,
    at timestamptz not null default now(),
    outcome text not null check (outcome in ('delivered', 'refused', 'transient', 'unknown', 'found', 'not_found')),
    code text not null default '',
    explanation text not null default '',
    milliseconds integer not null,
    primary key (delivery_id, ordinal)
);

-- What people must look at ---------------------------------------------------------------------

create table work_item (
    id text collate "C" primary key,
    group_key text not null,
    code text not null,
    owner text not null,
    source text not null default '',
    message_id text collate "C" not null default '',
    event_id text collate "C" not null default '',
    stream text not null default '',
    booking_key text not null default '',
    delivery_id bigint,
    path text not null,
    explanation text not null,
    remedy text not null,
    amount_minor bigint not null default 0,
    currency text not null default 'USD',
    opened_at timestamptz not null default now(),
    resolved_at timestamptz,
    resolution text not null default ''
);
create index work_item_open on work_item (group_key) where resolved_at is null;
create index work_item_stream on work_item (stream) where stream <> '';
create index work_item_message on work_item (message_id) where message_id <> '';

-- What is in force -----------------------------------------------------------------------------

create table release (
    number bigint generated always as identity primary key,
    id text collate "C" not null,
    content bytea not null,
    activated_at timestamptz not null default now(),
    note text not null default ''
);

create table setting (
    name text primary key,
    value text not null
);

create table worker (
    id text collate "C" primary key,
    role text not null,
    process_id integer not null,
    started_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    doors bytea not null default '[]'
);
comment on column worker.doors is 'Where this worker takes messages in, as JSON: each door open, or why not.';

-- The fence ------------------------------------------------------------------------------------

create function suture_fence(partitions smallint[], epochs bigint[], positions bigint[]) returns boolean
language plpgsql as $$
declare
    held integer;
begin
    update partition_lease l set position = u.position
    from unnest(partitions, epochs, positions) u(partition, epoch, position)
    where l.partition = u.partition and l.epoch = u.epoch;
    get diagnostics held = row_count;
    if held <> cardinality(partitions) then
        raise exception 'partition lease lost' using errcode = 'SUT01';
    end if;
    return true;
end $$;
comment on function suture_fence is 'Moves the position of every partition in the step, or raises SUT01: a worker that lost one lease writes nothing.';
