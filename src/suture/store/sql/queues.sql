-- name: inbox_queue
-- How many events wait for their runner, and for how long the oldest has.
select count(*) as items_count,
    coalesce(extract(epoch from now()) - min(e.received_at_ms) / 1000.0, 0)::float8 as oldest_seconds
from inbox i join event e on e.id = i.event_id

-- name: unbatched_queue
-- How many entries wait for a journal, and for how long the oldest has.
select count(*) as items_count, coalesce(extract(epoch from now() - min(queued_at)), 0)::float8 as oldest_seconds
from unbatched

-- name: delivery_queue
-- How many journals wait to be sent, and for how long the oldest has.
select count(*) as items_count, coalesce(extract(epoch from now() - min(j.created_at)), 0)::float8 as oldest_seconds
from delivery d join journal j on j.reference = d.idempotency_key
where d.status = 'QUEUED'

-- name: under_way
-- Whether any event waits for a runner, and any entry for a journal.
select exists (select from inbox) as events, exists (select from unbatched) as entries

-- name: open_amount
-- What is at stake in open exceptions, by currency and by where it is, and since when the oldest is open.
select currency, count(*) as items_count, sum(at_stake)::bigint as amount_minor, min(opened_at) as oldest_at,
    coalesce(sum(at_stake) filter (where place = 'parked'), 0)::bigint as parked_minor,
    coalesce(sum(at_stake) filter (where place = 'booked'), 0)::bigint as booked_minor,
    coalesce(sum(at_stake) filter (where place = 'unread'), 0)::bigint as unread_minor,
    coalesce(sum(at_stake) filter (where place = 'refused'), 0)::bigint as refused_minor
from (
    select currency, opened_at, abs(amount_minor) as at_stake, case
        when delivery_id is not null then 'refused'
        when stream = '' then 'unread'
        when booking_key like 'concern:%' then 'booked'
        else 'parked' end as place
    from work_item where resolved_at is null
) item group by currency order by currency

-- name: source_traffic
-- When each source last sent anything, again or anew, and how much since a moment of its own: the beginning of its day.
select s.source, max(m.at) as last_at, count(m.at) filter (where m.at >= s.since) as today_count
from unnest($1::text[], $2::timestamptz[]) s(source, since)
left join (
    select source, received_at as at from message
    union all
    select m.source, r.received_at from message_repeat r join message m on m.id = r.message_id
) m on m.source = s.source
group by s.source

-- name: destination_traffic
-- What each destination was sent, what waits for it, and how the last attempt at what waits ended.
select t.*, coalesce(l.outcome, '') as outcome, coalesce(l.code, '') as code, coalesce(l.explanation, '') as explanation, l.at as tried_at
from (
    select destination, count(*) filter (where status = 'QUEUED') as queued_count, count(*) filter (where status = 'ERROR') as refused_count,
        count(*) filter (where status = 'SENT') as sent_count, max(settled_at) filter (where status = 'SENT') as sent_at
    from delivery group by destination
) t
left join lateral (
    select a.outcome, a.code, a.explanation, a.at from delivery d join delivery_attempt a on a.delivery_id = d.id
    where d.destination = t.destination and d.status = 'QUEUED' order by a.at desc, a.delivery_id desc, a.ordinal desc limit 1
) l on true
