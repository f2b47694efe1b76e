package main

// A service of the shop: what it listens on and whom it calls for which request.
type service struct {
	name, image string   // image: what its container image is called and tagged
	http        []string // plain HTTP and HTTP/2 without TLS
	lines       string   // a TCP stand-in which answers each line with "+OK NAME"
	greets      bool     // the TCP stand-in speaks first, as SMTP and MySQL do
	udp         string   // datagrams, counted
	broker      bool     // the TCP stand-in keeps what is published until it is consumed
	collector   bool     // gathers call counts and shows them as a trace service graph
	failEvery   int      // every n-th request fails with 503
	calls       []call
	loop        []call // made on its own, once a second: load generators, consumers
	once        []call // made once, then the program ends: jobs
}

// A call: where its address is configured, and what is asked.
//
//	env:NAME           a URL, a DSN or host:port
//	env:HOST+PORT      two variables
//	arg:NAME           --NAME=ADDRESS in the container's args
//	file:PATH:KEY      a "KEY=VALUE" or "KEY: VALUE" line of a file
type call struct {
	to      string
	path    string // what is asked; "" passes the own request's path on
	on      string // only for requests under this path
	kind    kind
	retries int
}

type kind int

const (
	http1 kind = iota
	grpc       // HTTP/2 with a gRPC content type; the message itself is empty
	database
	publish
	consume
	smtp
	udp
)

// A request's path says what a shopper does: /browse, /cart, /checkout.
var services = []service{
	{name: "web", image: "shop/web:3.4.1", http: []string{":3000"}, calls: []call{{to: "env:API_GATEWAY_URL", retries: 1}}},
	{name: "api-gateway", image: "shop/api-gateway:2.0.7", http: []string{":8080"}, calls: []call{
		{to: "env:CATALOG_ADDR", on: "/browse"},
		{to: "env:SEARCH_ADDR", on: "/browse"},
		{to: "env:RECOMMENDATIONS_ADDR", on: "/browse", kind: grpc, path: "/shop.Recommendations/List"},
		{to: "env:CART_ADDR", on: "/cart"},
		{to: "env:CHECKOUT_ADDR", on: "/checkout", retries: 2},
	}},
	{name: "catalog", image: "shop/catalog:5.1.0", http: []string{":8080"}, calls: []call{
		{to: "env:INVENTORY_ADDR", kind: grpc, path: "/shop.Inventory/Get"},
		{to: "env:PRICING_URL", path: "/price", retries: 3},
		{to: "env:REVIEWS_URL", path: "/reviews"},
	}},
	{name: "search", image: "shop/search:1.9.2", http: []string{":8080"}, calls: []call{{to: "arg:catalog-endpoint", path: "/index"}}},
	{name: "recommendations", image: "shop/recommendations:0.12.3", http: []string{":50051"}, calls: []call{
		{to: "file:/etc/recommendations/application.properties:reviews.url", path: "/reviews"},
	}},
	{name: "reviews", image: "shop/reviews:1.8.0", http: []string{":9292"}},
	{name: "reviews", image: "shop/reviews:2.0.0-rc1", http: []string{":9292"}},
	{name: "pricing", image: "shop/pricing:4.2.0", http: []string{":5000"}},
	{name: "inventory", image: "shop/inventory:2.3.3", http: []string{":50051"}, calls: []call{{to: "env:STATSD_HOST+STATSD_PORT", kind: udp}}},
	{name: "cart", image: "shop/cart:1.4.2", http: []string{":7070"}, calls: []call{
		{to: "env:REDIS_ADDR", kind: database},
		{to: "env:PRICING_ADDR", path: "/price", retries: 1},
	}},
	{name: "checkout", image: "shop/checkout:6.0.1", http: []string{":8080"}, calls: []call{
		{to: "env:CART_HOST+CART_PORT", path: "/cart"},
		{to: "env:PRICING_URL", path: "/price"},
		{to: "env:PAYMENTS_URL", path: "/pay", retries: 2},
		{to: "env:ORDERS_ADDR", path: "/orders"},
		{to: "env:SHIPPING_ADDR", path: "/quote"},
	}},
	{name: "orders", image: "shop/orders:3.7.5", http: []string{":8080"}, calls: []call{
		{to: "env:SPRING_DATASOURCE_URL", kind: database},
		{to: "env:AMQP_URL", kind: publish},
	}},
	{name: "shipping", image: "shop/shipping:2.1.4", http: []string{":8080"}, calls: []call{{to: "env:AMQP_HOST+AMQP_PORT", kind: publish}}},
	{name: "notifications", image: "shop/notifications:1.2.9", http: []string{":8080"}, loop: []call{{to: "env:AMQP_URL", kind: consume}},
		calls: []call{{to: "env:SMTP_HOST+SMTP_PORT", kind: smtp}}},
	{name: "payments", image: "shop/payments:8.3.0", http: []string{":8443"}, calls: []call{
		{to: "env:FRAUD_ADDR", path: "/score", retries: 2},
		{to: "env:DATABASE_URL", kind: database},
	}},
	{name: "fraud", image: "shop/fraud:0.9.1", http: []string{":8000"}, failEvery: 33},
	{name: "ledger-export", image: "shop/ledger-export:1.0.3", once: []call{{to: "env:DATABASE_URL", kind: database}, {to: "env:PAYMENTS_ADDR", path: "/export"}}},
	{name: "catalog-import", image: "shop/catalog-import:5.1.0", once: []call{{to: "env:CATALOG_ADDR", path: "/import"}, {to: "env:SEARCH_ADDR", path: "/reindex"}}},
	{name: "load-generator", image: "shop/load-generator:1.1.0", loop: []call{
		{to: "env:TARGET_URL", path: "/browse"}, {to: "env:TARGET_URL", path: "/cart"}, {to: "env:TARGET_URL", path: "/browse"}, {to: "env:TARGET_URL", path: "/checkout"},
	}},
	{name: "node-agent", image: "shop/node-agent:1.5.0", http: []string{":9101"}},
	{name: "mail-relay", image: "mail-relay:3.2", lines: ":2525", greets: true},
	{name: "redis", image: "redis:7.2", lines: ":6379"},
	{name: "orders-db", image: "postgres:16", lines: ":5432"},
	{name: "rabbitmq", image: "rabbitmq:3.13-management", lines: ":5672", broker: true},
	{name: "otel-collector", image: "otel-collector-contrib:0.104.0", http: []string{":4318", ":8889"}, udp: ":8125", collector: true},
}
