select auction, bidder, cast(price * 0.908 as decimal(22, 3)) as price, ts,
  length(extra) - length(replace(extra, 'c', '')) as c_counts,
  case when hour(ts) between 8 and 18 then 'dayTime' when hour(ts) <= 6 or hour(ts) >= 20 then 'nightTime' else 'otherTime' end as band
from bid where price * 0.908 > 1000000 and price * 0.908 < 50000000
