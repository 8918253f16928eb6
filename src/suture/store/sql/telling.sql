-- name: begin_telling
-- A receiver that is new is told what is decided from now on.
insert into telling_watermark (receiver, partition, position) select $1, partition, position from partition_lease
on conflict do nothing

-- name: queue_messages
-- Queue what receiver $1 is told of the next events in the log, once each, and move its watermark past them. Whoever else queues
-- for it at this moment takes other partitions. Facts that processes send each other, and those that told nothing new, stay here.
with held as materialized (
    select partition, position from telling_watermark where receiver = $1 order by partition for update skip locked
), next as materialized (
    select h.partition, n.position, n.event_id, n.outcome from held h
    cross join lateral (
        select l.position, l.event_id, l.outcome from log l
        where l.partition = h.partition and l.position > h.position order by l.position limit $4
    ) n
), due as materialized (
    select n.partition, n.position, e.id, e.stream,
        'S' || upper(left(encode(sha256(convert_to($1 || '|' || e.id, 'UTF8')), 'hex'), 19)) as key
    from next n join event e on e.id = n.event_id
    where n.outcome <> 'repeated' and e.type = any($2::text[]) and e.source <> all($3::text[]) and e.id not like '%.%.%'
), queued as (
    insert into delivery (kind, destination, ordering_key, idempotency_key, event_id)
    select 'message', $1, stream, key, id from due order by partition, position
    on conflict (destination, idempotency_key) do nothing
    returning idempotency_key
), moved as (
    update telling_watermark w set position = n.position, queued_count = w.queued_count + n.queued_count
    from (
        select n.partition, max(n.position) as position, count(q.idempotency_key) as queued_count
        from next n left join due d on d.id = n.event_id left join queued q on q.idempotency_key = d.key
        group by n.partition
    ) n where w.receiver = $1 and w.partition = n.partition
)
select (select count(*) from next) as events_count, (select count(*) from queued) as queued_count

-- name: lease_messages
-- Lease messages of one receiver, none of a stream whose earlier one has not arrived or been refused; oldest first.
with due as (
    select d.id from delivery d
    where d.status = 'QUEUED' and d.kind = 'message' and d.destination = $1 and d.not_before <= now() and d.leased_until < now()
        and not exists (
            select from delivery b where b.destination = d.destination and b.ordering_key = d.ordering_key
                and b.status = 'QUEUED' and b.id < d.id
        )
    order by d.id limit $4 for update of d skip locked
)
update delivery d set lease_owner = $2, leased_until = now() + $3::interval, unknown = true, attempts_count = d.attempts_count + 1
from due where d.id = due.id
returning d.id, d.idempotency_key, d.event_id, d.payload, d.disclosed, d.attempts_count

-- name: keep_message
-- Keep a message as it will be sent, if its lease is still ours.
update delivery set payload = $3, disclosed = $4 where id = $1 and lease_owner = $2 and status = 'QUEUED' returning id

-- name: read_told_event
-- The event that a message tells.
select id, stream, source, message_id, path, stamp, received_at_ms, payload from event where id = $1

-- name: read_vault
-- Sealed identifiers by their surrogates.
select token, sealed from vault where token = any($1::text[])

-- name: told_counts
-- By receiver: how many messages were queued for it as its watermark says, and where they are.
select w.receiver, sum(w.queued_count)::bigint as told_count,
    (select count(*) from delivery d where d.destination = w.receiver and d.kind = 'message' and d.status = 'QUEUED') as queued_count,
    (select count(*) from delivery d where d.destination = w.receiver and d.kind = 'message' and d.status = 'SENT') as delivered_count,
    (select count(*) from delivery d where d.destination = w.receiver and d.kind = 'message' and d.status = 'ERROR') as refused_count
from telling_watermark w group by w.receiver order by w.receiver

-- name: trace_told
-- What was told of the event $1 and those below it, or under the key or document $2.
select d.event_id, d.destination, d.idempotency_key as key, d.status, d.document, d.attempts_count, d.settled_at, d.disclosed
from delivery d where d.kind = 'message' and (
    (d.event_id <> '' and (d.event_id = $1 or (d.event_id > rtrim($1, '.') || '.' and d.event_id < rtrim($1, '.') || '/')))
    or d.idempotency_key = $2 or (d.document <> '' and d.document = $2)
) order by d.id
