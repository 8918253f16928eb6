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
-- What is at stake in open exceptions, by currency, and since when the oldest is open.
select currency, count(*) as items_count, sum(abs(amount_minor))::bigint as amount_minor, min(opened_at) as oldest_at
from work_item where resolved_at is null group by currency order by currency
