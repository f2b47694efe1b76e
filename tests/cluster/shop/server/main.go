// Every program of the demo shop: `shop IMAGE` runs the service which that image stands for, `shop images` lists them.
// The calls between them, their retries and the counts in /metrics are real; the datastores only answer.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strings"
	"sync"
	"time"
)

const (
	callTimeout = 2 * time.Second
	exportEvery = 2 * time.Second
	loopPeriod  = time.Second
	queueLimit  = 1000 // messages
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: shop images | shop IMAGE [--NAME=ADDRESS...]")
	}
	if os.Args[1] == "images" {
		for _, s := range services {
			fmt.Println(s.image)
		}
		return
	}
	for _, s := range services {
		if s.image == os.Args[1] {
			newProgram(s).run()
			return
		}
	}
	log.Fatalf("no service has the image %q", os.Args[1])
}

// An edge of the service graph, as trace back ends name its labels.
type edge struct{ Client, Server, Type string }

type program struct {
	service
	plain, h2c *http.Client
	mu         sync.Mutex
	served     map[int]int  // requests by status
	ok, failed map[edge]int // calls since the last export; a collector's totals
	queue      []string     // a broker's messages, each the name of its producer
	datagrams  int
}

func newProgram(s service) *program {
	if name := os.Getenv("OTEL_SERVICE_NAME"); name != "" {
		s.name = name
	} else if name := os.Getenv("STORE_NAME"); name != "" {
		s.name = name
	}
	h2 := &http.Transport{Protocols: new(http.Protocols)}
	h2.Protocols.SetUnencryptedHTTP2(true)
	return &program{service: s, plain: &http.Client{Timeout: callTimeout}, h2c: &http.Client{Timeout: callTimeout, Transport: h2},
		served: map[int]int{}, ok: map[edge]int{}, failed: map[edge]int{}}
}

func (p *program) run() {
	log.SetFlags(0)
	log.Printf("%s starts", p.name)
	if endpoint := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"); endpoint != "" && !p.collector {
		if len(p.once) > 0 {
			defer p.export(endpoint)
		} else {
			go func() {
				for range time.Tick(exportEvery) {
					p.export(endpoint)
				}
			}()
		}
	}
	for _, address := range p.http {
		server := &http.Server{Addr: address, Handler: p, Protocols: new(http.Protocols)}
		server.Protocols.SetHTTP1(true)
		server.Protocols.SetUnencryptedHTTP2(true)
		go func() { log.Fatal(server.ListenAndServe()) }()
	}
	if p.lines != "" {
		go p.serveLines()
	}
	if p.udp != "" {
		go p.serveDatagrams()
	}
	for _, c := range p.once {
		if err := p.call(c, c.path); err != nil {
			log.Fatalf("%s: %v", c.to, err)
		}
	}
	if len(p.loop) > 0 {
		for i := 0; ; i++ {
			c := p.loop[i%len(p.loop)]
			if err := p.call(c, c.path); err != nil {
				log.Printf("%s: %v", c.to, err)
			}
			time.Sleep(loopPeriod / time.Duration(len(p.loop)))
		}
	}
	if len(p.once) == 0 {
		select {}
	}
}

// --- serving

func (p *program) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/healthz":
		return
	case r.URL.Path == "/metrics":
		p.metrics(w)
		return
	case p.collector && r.Method == http.MethodPost:
		p.collect(w, r)
		return
	}
	status := http.StatusOK
	p.mu.Lock()
	requests := 1
	for _, n := range p.served {
		requests += n
	}
	p.mu.Unlock()
	if p.failEvery > 0 && requests%p.failEvery == 0 {
		status = http.StatusServiceUnavailable
	}
	for _, c := range p.calls {
		if status != http.StatusOK || !strings.HasPrefix(r.URL.Path, c.on) {
			continue
		}
		path := c.path
		if path == "" {
			path = r.URL.Path
		}
		if err := p.call(c, path); err != nil {
			log.Printf("%s for %s: %v", c.to, r.URL.Path, err)
			status = http.StatusBadGateway
		}
	}
	p.mu.Lock()
	p.served[status]++
	p.mu.Unlock()
	if r.Header.Get("X-Client") == "" { // nobody traces the caller: a browser or a load generator
		p.count(edge{"user", p.name, "virtual_node"}, status != http.StatusOK)
	}
	w.Header().Set("X-Service", p.name)
	w.WriteHeader(status)
	fmt.Fprintf(w, "%s %s\n", p.name, http.StatusText(status))
}

func (p *program) serveLines() {
	listener, err := net.Listen("tcp", p.lines)
	if err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer conn.Close()
			if p.greets {
				fmt.Fprintf(conn, "220 %s ready\r\n", p.name)
			}
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				fmt.Fprintf(conn, "+OK %s\r\n", p.answer(lines.Text()))
			}
		}()
	}
}

// answer gives the stand-in's name, or for a broker the producer of the next message.
func (p *program) answer(line string) string {
	if !p.broker {
		return p.name
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	verb, producer, _ := strings.Cut(line, " ")
	switch {
	case verb == "PUBLISH" && len(p.queue) < queueLimit:
		p.queue = append(p.queue, producer)
	case verb == "CONSUME" && len(p.queue) > 0:
		producer, p.queue = p.queue[0], p.queue[1:]
		return producer
	case verb == "CONSUME":
		return ""
	}
	return p.name
}

func (p *program) serveDatagrams() {
	conn, err := net.ListenPacket("udp", p.udp)
	if err != nil {
		log.Fatal(err)
	}
	for buffer := make([]byte, 1500); ; {
		if _, _, err := conn.ReadFrom(buffer); err == nil {
			p.mu.Lock()
			p.datagrams++
			p.mu.Unlock()
		}
	}
}

// --- calling

// call makes the call and its naive retries; each try counts, as each would have a span.
func (p *program) call(c call, path string) (err error) {
	address, err := resolve(c.to)
	if err != nil {
		return err
	}
	for try := 0; try <= c.retries; try++ {
		if err = p.try(c, address, path); err == nil {
			return nil
		}
	}
	return err
}

func (p *program) try(c call, address *url.URL, path string) error {
	switch c.kind {
	case udp:
		conn, err := net.Dial("udp", address.Host)
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "%s.requests:1|c", p.name)
		return err
	case http1, grpc:
		server, err := p.request(c, address, path)
		if server != "" && p.http != nil {
			p.count(edge{p.name, server, ""}, err != nil)
		}
		return err
	}
	conn, err := net.DialTimeout("tcp", address.Host, callTimeout)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(callTimeout))
	in := bufio.NewReader(conn)
	if c.kind == smtp { // the server speaks first
		if _, err := in.ReadString('\n'); err != nil {
			return err
		}
	}
	verb := map[kind]string{database: "GET", publish: "PUBLISH", consume: "CONSUME", smtp: "MAIL"}[c.kind]
	fmt.Fprintf(conn, "%s %s\r\n", verb, p.name)
	reply, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	server := strings.TrimSpace(strings.TrimPrefix(reply, "+OK"))
	switch {
	case c.kind == database:
		p.count(edge{p.name, server, "database"}, false)
	case c.kind == consume && server != "":
		p.count(edge{server, p.name, "messaging_system"}, false)
		for _, next := range p.calls {
			if err := p.call(next, next.path); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *program) request(c call, address *url.URL, path string) (server string, err error) {
	client, method := p.plain, http.MethodGet
	if c.kind == grpc {
		client, method = p.h2c, http.MethodPost
	}
	r, err := http.NewRequest(method, "http://"+address.Host+path, nil)
	if err != nil {
		return "", err
	}
	if c.kind == grpc {
		r.Header.Set("Content-Type", "application/grpc")
	}
	if p.http != nil {
		r.Header.Set("X-Client", p.name) // a program without a server of its own is not instrumented either
	}
	reply, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	io.Copy(io.Discard, reply.Body)
	if reply.StatusCode >= http.StatusInternalServerError {
		err = fmt.Errorf("%s: %s", r.URL, reply.Status)
	}
	return reply.Header.Get("X-Service"), err
}

var defaultPorts = map[string]string{"http": "80", "https": "443", "postgres": "5432", "postgresql": "5432", "amqp": "5672", "redis": "6379"}

// resolve finds the address of a call's target where its service has it configured.
func resolve(to string) (*url.URL, error) {
	form, name, _ := strings.Cut(to, ":")
	value := ""
	switch form {
	case "env":
		host, port, split := strings.Cut(name, "+")
		if value = os.Getenv(host); split && value != "" {
			value += ":" + os.Getenv(port)
		}
	case "arg":
		for _, arg := range os.Args[2:] {
			if rest, found := strings.CutPrefix(arg, "--"+name+"="); found {
				value = rest
			}
		}
	case "file":
		path, key, _ := strings.Cut(name, ":")
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			if rest, found := strings.CutPrefix(line, key+"="); found {
				value = strings.TrimSpace(rest)
			}
		}
	}
	if value == "" {
		return nil, fmt.Errorf("not configured")
	}
	value = strings.TrimPrefix(value, "jdbc:")
	if !strings.Contains(value, "://") {
		value = "tcp://" + value
	}
	address, err := url.Parse(value)
	if err == nil && address.Port() == "" {
		address.Host += ":" + defaultPorts[address.Scheme]
	}
	return address, err
}

// --- counting

func (p *program) count(e edge, failed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ok[e]++
	if failed {
		p.failed[e]++
	}
}

// counts is what a program sends to the collector: how often each edge was seen, and how often it failed.
type counts struct {
	Edge      edge
	N, Failed int
}

func (p *program) export(endpoint string) {
	p.mu.Lock()
	var batch []counts
	for e, n := range p.ok {
		batch = append(batch, counts{e, n, p.failed[e]})
	}
	p.ok, p.failed = map[edge]int{}, map[edge]int{}
	p.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	body, _ := json.Marshal(batch)
	reply, err := p.plain.Post(strings.TrimSuffix(endpoint, "/")+"/v1/traces", "application/json", bytes.NewReader(body))
	if err != nil {
		log.Printf("export: %v", err)
		return
	}
	reply.Body.Close()
}

func (p *program) collect(w http.ResponseWriter, r *http.Request) {
	var batch []counts
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&batch); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range batch {
		p.ok[c.Edge] += c.N
		p.failed[c.Edge] += c.Failed
	}
}

func (p *program) metrics(w io.Writer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var lines []string
	for status, n := range p.served {
		lines = append(lines, fmt.Sprintf("http_server_requests_total{service=%q,code=\"%d\"} %d", p.name, status, n))
	}
	if p.collector {
		for e, n := range p.ok {
			labels := fmt.Sprintf("client=%q,server=%q,connection_type=%q", e.Client, e.Server, e.Type)
			lines = append(lines, fmt.Sprintf("traces_service_graph_request_total{%s} %d", labels, n),
				fmt.Sprintf("traces_service_graph_request_failed_total{%s} %d", labels, p.failed[e]))
		}
		lines = append(lines, fmt.Sprintf("statsd_datagrams_total %d", p.datagrams))
	}
	sort.Strings(lines)
	fmt.Fprintln(w, strings.Join(lines, "\n"))
}
