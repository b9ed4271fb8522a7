select auction, cast(ts as date) as day, count(*) as bids,
  count(*) filter (price < 10000) as low_bids,
  count(*) filter (price >= 10000 and price < 1000000) as middle_bids,
  count(*) filter (price >= 1000000) as high_bids,
  min(price) as min_price, max(price) as max_price, cast(sum(price) as double) / count(*) as avg_price, cast(sum(price) as bigint) as sum_price
from bid group by auction, day
