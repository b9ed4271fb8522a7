select channel, cast(ts as date) as day, max(date_trunc('minute', ts)) as latest, count(*) as bids,
  count(*) filter (price < 10000) as low_bids,
  count(*) filter (price >= 10000 and price < 1000000) as middle_bids,
  count(*) filter (price >= 1000000) as high_bids,
  count(distinct bidder) as bidders,
  count(distinct bidder) filter (price < 10000) as low_bidders,
  count(distinct bidder) filter (price >= 10000 and price < 1000000) as middle_bidders,
  count(distinct bidder) filter (price >= 1000000) as high_bidders,
  count(distinct auction) as auctions,
  count(distinct auction) filter (price < 10000) as low_auctions,
  count(distinct auction) filter (price >= 10000 and price < 1000000) as middle_auctions,
  count(distinct auction) filter (price >= 1000000) as high_auctions
from bid group by channel, day
